import { expect, test } from "bun:test"
import { close, closedBefore, confirm, decline, expire, pay, payLate, paymentOf, refund, type Trade } from "./trade.ts"

const EXPIRES_MS = 2_000
const pending: Trade = {
  ...closedBefore("QR1", 1_000),
  tradeNo: "T1",
  amountFen: 1_000,
  expiresMs: EXPIRES_MS,
  state: "pending"
}
const payment = paymentOf(pending, {}, 1_500)
const other = { ...payment, tradeNo: "T2" }
const trades: { readonly [S in Trade["state"]]: Trade } = {
  pending,
  paid: { ...pending, state: "paid", payment, paidBy: "first" },
  failed: { ...pending, state: "failed" },
  closed: { ...pending, state: "closed" }
}
const steps = {
  "is paid in time": pay(other, "second", EXPIRES_MS - 1),
  "is paid at its expiry": pay(other, "second", EXPIRES_MS),
  "is paid late": payLate(other, "second"),
  "is declined in time": decline(EXPIRES_MS - 1),
  "is declined at its expiry": decline(EXPIRES_MS),
  "is closed": close,
  "is looked at in time": expire(EXPIRES_MS - 1),
  "is looked at after its expiry": expire(EXPIRES_MS)
}

test.each([
  ["pending", "is paid in time", "paid"],
  ["pending", "is paid at its expiry", "pending"],
  ["pending", "is paid late", "paid"],
  ["pending", "is declined in time", "failed"],
  ["pending", "is declined at its expiry", "pending"],
  ["pending", "is closed", "closed"],
  ["pending", "is looked at in time", "pending"],
  ["pending", "is looked at after its expiry", "closed"],
  ["closed", "is paid in time", "closed"],
  ["closed", "is paid late", "paid"],
  ["closed", "is declined in time", "closed"],
  ["failed", "is paid in time", "failed"],
  ["failed", "is closed", "failed"],
  ["failed", "is looked at after its expiry", "failed"]
] as const)("a %s trade that %s becomes %s", (before, event, after) => {
  const next = steps[event](trades[before])
  expect(next.state).toBe(after)
  // The book is only written where something changed.
  if (before === after) expect(next).toBe(trades[before])
})

test.each(Object.keys(steps) as Array<keyof typeof steps>)("a paid trade that %s stays exactly as it is", (event) => {
  expect(steps[event](trades.paid)).toBe(trades.paid)
})

test("a step that is run again, as a store may, changes nothing more", () => {
  const once = refund("R1", 400, "T9", 1_600)(confirm(trades.paid))
  expect(refund("R1", 400, "T9", 1_600)(confirm(once))).toBe(once)
  expect(refund("R1", 400, "T9", 1_600)(pending)).toBe(pending)
})
