import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { accepts, rejects, staysSilent } from "../../tests/harness/bookkeeper.ts"
import { openInProcessGateway, paymentOf } from "../../tests/harness/in-process-gateway.ts"
import { orderKey } from "../../tests/harness/memory-persistence/tables.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { aJsapi } from "../../tests/harness/sample-orders.ts"
import type { Presentation } from "../channel/provider.ts"
import type { Order } from "../domain/order.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { CHARGE_LEASE_MS, Charges } from "../pipeline/persistence/charges.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { Channels } from "./channels.ts"
import { type Charge, chargeOrder } from "./charge.ts"
import { settlePayment } from "./settle.ts"

const ACCOUNTS = ["acc_1", "acc_2", "acc_3"] as const
type Account = (typeof ACCOUNTS)[number]

const gateway = perTest(() => openInProcessGateway({ accounts: ACCOUNTS.map((id) => ({ id })) }))

const ANSWERS = {
  accepts,
  refuses: rejects,
  "is silent": staysSilent,
  throws: Effect.suspend((): typeof accepts => {
    throw new Error("a channel's own bug")
  })
}
type Answer = keyof typeof ANSWERS

/** Charges an order at the first `accounts`: "accepted", or the failure's tag. */
const charge = (
  order: Order,
  options: { readonly accounts?: number; readonly begun?: number; readonly jsapi?: Charge["jsapi"] } = {}
): Promise<string> =>
  gateway().run(
    Effect.gen(function* () {
      const channels = yield* Channels
      const opened = yield* Effect.forEach(ACCOUNTS.slice(0, options.accounts ?? 3), (id) => channels.open(id))
      const [first, ...others] = opened.filter((account) => account !== null)
      if (first === undefined) return "nobody"
      const { jsapi } = options
      return yield* chargeOrder({ order, ...(jsapi && { jsapi }) }, [first, ...others], options.begun ?? 1).pipe(
        Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: () => "accepted" })
      )
    })
  )

const answer = (answers: Partial<Record<Account, Answer>>) => {
  gateway().book.onCharge = (_, account) => ANSWERS[answers[account as Account] ?? "accepts"]
}

/** What the store kept of each attempt. */
const attempts = () =>
  [...gateway().tables.charges.values()].map(({ attempt, accountId, outcome }) => `${attempt} ${accountId} ${outcome}`)

const begin = (order: Order) => gateway().run(Effect.flatMap(Charges, (charges) => charges.begin(order)))

describe("a charge", () => {
  test.each<[Array<Answer>, string, string, Account, Array<string>]>([
    [["accepts"], "accepted", "PENDING", "acc_1", ["1 acc_1 accepted"]],
    [["refuses", "accepts"], "accepted", "PENDING", "acc_2", ["1 acc_1 rejected", "2 acc_2 accepted"]],
    [
      ["refuses", "refuses", "accepts"],
      "accepted",
      "PENDING",
      "acc_3",
      ["1 acc_1 rejected", "2 acc_2 rejected", "3 acc_3 accepted"]
    ],
    [
      ["refuses", "refuses", "refuses"],
      "ChannelUnavailable",
      "FAILED",
      "acc_3",
      ["1 acc_1 rejected", "2 acc_2 rejected", "3 acc_3 rejected"]
    ],
    // Whoever may have taken it is the last to be asked.
    [["is silent", "accepts"], "ChargeUncertain", "PENDING", "acc_1", ["1 acc_1 uncertain"]],
    [["throws", "accepts"], "ChargeUncertain", "PENDING", "acc_1", ["1 acc_1 uncertain"]],
    [
      ["refuses", "is silent", "accepts"],
      "ChargeUncertain",
      "PENDING",
      "acc_2",
      ["1 acc_1 rejected", "2 acc_2 uncertain"]
    ]
  ])("whose accounts answer %p comes to %s", async (answers, outcome, status, at, kept) => {
    const { order, find, book } = gateway()
    answer({ acc_1: answers[0] ?? "accepts", acc_2: answers[1] ?? "accepts", acc_3: answers[2] ?? "accepts" })
    const made = await order({ charging: true })
    expect(await charge(made)).toBe(outcome)
    expect(await find(made)).toMatchObject({ status, accountId: at })
    expect(attempts()).toEqual(kept)
    expect(book.chargedAt).toEqual([...ACCOUNTS.slice(0, kept.length)])
  })

  test("of a channel that hangs is uncertain at its deadline, and nobody else is asked", async () => {
    const { order, book, advance, find } = gateway()
    book.onCharge = () => Effect.never
    const made = await order({ charging: true })
    const outcome = charge(made)
    await advance("20 seconds")
    expect(await outcome).toBe("ChargeUncertain")
    expect(attempts()).toEqual(["1 acc_1 uncertain"])
    expect((await find(made)).status).toBe("PENDING")
    expect([...gateway().tables.charges.values()][0]?.durationMs).toBe(20_000)
  })

  test("finds its order at the next account, with that one's reference, before the channel hears of it", async () => {
    const { order, book, find } = gateway()
    const made = await order({ charging: true, reference: { acc_1: "of the first" } })
    const seen: Array<unknown> = []
    book.onCharge = (request, account) =>
      Effect.gen(function* () {
        const stored = yield* Effect.promise(() => find(made))
        seen.push([account, stored.accountId, stored.reference, request.reference, request.noticeUrl.split("/").at(-1)])
        return yield* account === "acc_1" ? rejects : accepts
      })
    expect(await charge(made)).toBe("accepted")
    const reference = { acc_2: made.orderNo }
    expect(seen).toEqual([
      ["acc_1", "acc_1", { acc_1: "of the first" }, { acc_1: "of the first" }, "acc_1"],
      ["acc_2", "acc_2", reference, reference, "acc_2"]
    ])
  })

  test.each<[ReadonlyArray<Account>, string, string, Account, ReadonlyArray<Account>]>([
    [["acc_2"], "accepted", "PENDING", "acc_3", ["acc_1", "acc_3"]],
    [["acc_3"], "ChannelUnavailable", "FAILED", "acc_2", ["acc_1", "acc_2"]],
    [["acc_2", "acc_3"], "ChannelUnavailable", "FAILED", "acc_1", ["acc_1"]]
  ])(
    "while which %p are disabled is not made there and comes to %s",
    async (disabled, outcome, status, at, charged) => {
      const { order, book, run, find } = gateway()
      const made = await order({ charging: true })
      book.onCharge = (_, account) =>
        Effect.andThen(
          Effect.promise(() =>
            run(
              Effect.forEach(disabled, (id) =>
                Effect.flatMap(Accounts, (accounts) => accounts.change(id, { enabled: false }))
              )
            )
          ),
          account === "acc_3" ? accepts : rejects
        )
      expect(await charge(made)).toBe(outcome)
      expect(book.chargedAt).toEqual([...charged])
      expect(await find(made)).toMatchObject({ status, accountId: at })
      expect(attempts().length).toBe(charged.length)
    }
  )

  test("that has lost its lease to another moves the order nowhere", async () => {
    const { order, book, tables, find } = gateway()
    const made = await order({ charging: true })
    book.onCharge = () =>
      Effect.gen(function* () {
        // This process stood still for longer than its lease, and another has begun.
        const row = tables.orders.get(orderKey(made))
        if (row !== undefined) tables.orders.set(orderKey(made), { ...row, chargingUntilMs: null })
        expect(yield* Effect.promise(() => begin(made))).toBe(2)
        return yield* rejects
      })
    expect(await charge(made)).toBe("ChargeUncertain")
    expect(book.chargedAt).toEqual(["acc_1"])
    expect(await find(made)).toMatchObject({ status: "PENDING", accountId: "acc_1" })
    expect(await begin(made)).toBe("busy")
  })

  test("that a store keeps from going on holds its order until the lease ends", async () => {
    const { order, fail, advance } = gateway()
    answer({ acc_1: "refuses" })
    fail("charges.moveToAccount", "away")
    const made = await order({ charging: true })
    expect(await charge(made)).toBe("StoreUnavailable")
    expect(await begin(made)).toBe("busy")
    await advance(CHARGE_LEASE_MS)
    expect(await begin(made)).toBe(2)
  })

  test("that is refused while its order is paid ends nothing", async () => {
    const { order, book, run, find } = gateway()
    const made = await order({ charging: true })
    book.onCharge = () =>
      Effect.andThen(
        Effect.promise(() => run(settlePayment(made, paymentOf(made), null))),
        rejects
      )
    expect(await charge(made, { accounts: 1 })).toBe("ChargeUncertain")
    expect((await find(made)).status).toBe("PAID")
  })
})

describe("a charge after one that stayed uncertain", () => {
  test.each<[Answer, string, string]>([
    ["accepts", "accepted", "PENDING"],
    ["is silent", "ChargeUncertain", "PENDING"],
    // The first may have been taken all the same: a refusal now does not prove that nobody was charged.
    ["refuses", "ChargeUncertain", "PENDING"]
  ])("whose account %s comes to %s, and its order is %s", async (second, outcome, status) => {
    const { order, find } = gateway()
    const made = await order({ charging: true })
    answer({ acc_1: "is silent" })
    expect(await charge(made, { accounts: 1 })).toBe("ChargeUncertain")
    answer({ acc_1: second })
    const begun = await begin(made)
    expect(begun).toBe(2)
    expect(await charge(made, { accounts: 1, begun: 2 })).toBe(outcome)
    const stored: string = (await find(made)).status
    expect(stored).toBe(status)
  })

  test("begins only when the first has ended or its lease has", async () => {
    const { order, advance } = gateway()
    const made = await order({ charging: true })
    expect(await begin(made)).toBe("busy")
    await advance(CHARGE_LEASE_MS - 1)
    expect(await begin(made)).toBe("busy")
    await advance(1)
    expect(await begin(made)).toBe(2)
  })
})

describe("what a channel gives the payer", () => {
  const params = { appId: "wx1", timeStamp: "1", nonceStr: "n", package: "p", signType: "RSA", paySign: "s" }
  const jsapi: Presentation = { kind: "jsapi", params }
  const form: Presentation = { kind: "form", action: "https://pay.example.com", fields: { sign: "1" } }
  const payer = { appId: null, openid: "openid-1", miniProgram: false }

  const charged = async (presentation: Presentation, isJsapi: boolean) => {
    const { order, book } = gateway()
    book.onCharge = () => Effect.succeed(presentation)
    const made = await order({ charging: true, jsapi: isJsapi ? aJsapi("0a".repeat(32)) : null })
    return { made, outcome: await charge(made, isJsapi ? { jsapi: payer } : {}) }
  }

  test.each<[string, Presentation, boolean, boolean]>([
    ["a JSAPI payer's parameters are", jsapi, true, true],
    ["a form is", form, false, true],
    ["a code is not", { kind: "qrcode", content: "https://q.example.com" }, false, false],
    ["a redirect is not", { kind: "redirect", url: "https://r.example.com" }, false, false]
  ])(
    "%s kept on the order to be shown again; what is shown once is in the charge's story",
    async (_, given, isJsapi, isKept) => {
      const { made, outcome } = await charged(given, isJsapi)
      expect(outcome).toBe("accepted")
      const shown: unknown = (await gateway().find(made)).presentation
      expect(shown).toEqual(isKept ? given : null)
      const [record] = gateway().tables.charges.values()
      const detail: unknown = record?.detail
      expect(detail).toEqual({ request_id: "", exchanges: [], ...(isKept ? {} : { presentation: given }) })
      // Either way the charge has ended: whoever asks may begin another.
      expect(await begin(made)).toBe(2)
    }
  )

  test("comes too late where the order has ended: a JSAPI payer is not handed it", async () => {
    const { order, book, run, find } = gateway()
    const made = await order({ charging: true, jsapi: aJsapi("0a".repeat(32)) })
    book.onCharge = () =>
      Effect.andThen(
        Effect.promise(() => run(Effect.flatMap(Orders, (orders) => orders.end(made, "CLOSED", "expired")))),
        Effect.succeed(jsapi)
      )
    expect(await charge(made, { accounts: 1, jsapi: payer })).toBe("ChargeUncertain")
    expect(await find(made)).toMatchObject({ status: "CLOSED", presentation: null })
  })
})
