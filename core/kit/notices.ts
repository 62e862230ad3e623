import { isDeepStrictEqual } from "node:util"
import { Effect } from "effect"
import type { Notice } from "../channel/provider.ts"
import type { Payment } from "../domain/order.ts"
import { claim, claimDone, claimEqual, claimNoDefect, describe, type Outcome, show } from "./claim.ts"
import type { Kit, KitCase, KitOrder } from "./kit.ts"
import { doubled, reordered, respelled } from "./notice-spellings.ts"
import type { KitNotice, NoticeWish } from "./simulator.ts"

const HOUR_MS = 3_600_000
/** How many places of a body are changed, each at the cost of one verification (RSA: about 1 ms). */
const PLACES = 160

interface Genuine {
  readonly order: KitOrder
  readonly sent: KitNotice
  readonly bytes: Buffer
  readonly read: Notice
}

/** A paid order's notice as sent and as read; undefined = this provider sends none. */
const genuine = async (kit: Kit): Promise<Genuine | undefined> => {
  const order = await kit.paid()
  const sent = await kit.simulator.notice(order.orderNo)
  if (sent === undefined) return undefined
  const read = claimDone(await kit.readNotice(sent), "a genuine notice")
  return { order, sent, bytes: Buffer.from(sent.body), read }
}

export const claimRefused = (outcome: Outcome<Notice>, what: string): void => {
  claim(
    outcome._tag === "Failure" && outcome.failure._tag === "NoticeRefused",
    `${what} should be refused and ${outcome._tag === "Success" ? "reads as" : "ends with"} ${describe(outcome)}`
  )
}

/** The notice must be refused, or read like the genuine one where the change makes no difference to the provider. */
const claimRefusedOrSame = (outcome: Outcome<Notice>, same: Notice, what: string): void => {
  if (outcome._tag === "Success" && isDeepStrictEqual(outcome.success, same)) return
  claimRefused(outcome, what)
}

/** What a notice says was paid; undefined = the channel takes it for a hint, of which only the order number counts. */
const paymentIn = (notice: Notice): Payment | undefined => (notice.kind === "payment" ? notice.payment : undefined)

/** All that a notice says, without the time: a notice without the time of payment is dated by its arrival. */
const saying = (notice: Notice): ReadonlyArray<unknown> => {
  const payment = paymentIn(notice)
  return [notice.kind, notice.orderNo, payment?.channelTradeNo, payment?.amountFen, payment?.currency]
}

/** A changed body must be refused where bytes are signed; where values are signed it may also read the same. */
const claimNotRead = (kit: Kit, outcome: Outcome<Notice>, same: Notice, what: string): void =>
  kit.options.noticeSignature === "values" ? claimRefusedOrSame(outcome, same, what) : claimRefused(outcome, what)

/** A case about one genuine notice; it passes where the provider sends no notices. */
const noticeCase = (name: string, run: (kit: Kit, notice: Genuine) => Promise<void>): KitCase => ({
  name,
  run: async (kit) => {
    const notice = await genuine(kit)
    if (notice !== undefined) await run(kit, notice)
  }
})

const wishCase = (
  name: string,
  wish: NoticeWish,
  check: (outcome: Outcome<Notice>, order: KitOrder) => void
): KitCase => ({
  name,
  run: async (kit) => {
    const order = await kit.paid()
    const sent = await kit.simulator.notice(order.orderNo, wish)
    if (sent !== undefined) check(await kit.readNotice(sent), order)
  }
})

/** Notices that providers, or others in their name, send to the notice address. */
export const NOTICE_CASES: ReadonlyArray<KitCase> = [
  noticeCase("a genuine notice names its order and its payment, or is a hint", async (_kit, { order, read }) => {
    claimEqual(read.orderNo, order.orderNo, "the notice's order")
    claim(read.kind !== "news", "a paid order's notice reads as news that is no payment")
    if (read.kind === "payment") claimEqual(read.payment.amountFen, order.amountFen, "the notice's amount in fen")
  }),
  noticeCase("a notice reads the same whenever it is read, and its bytes stay as they were", async (kit, it) => {
    const body = Uint8Array.from(it.bytes)
    const again = claimDone(await kit.readNotice({ ...it.sent, body }), "the same notice again")
    claimEqual(saying(again), saying(it.read), "the same notice, read again,")
    claim(Buffer.from(body).equals(it.bytes), "reading a notice changed its bytes")
  }),
  noticeCase("a notice is read without asking anybody, and at once", async (kit, { sent, bytes, order }) => {
    const calls = kit.wire.calls.length
    const receivedAt = order.createdAt
    const raw = { method: "POST", headers: sent.headers, body: bytes, receivedAt }
    try {
      Effect.runSync(Effect.result(kit.channel.readNotice(raw)))
    } catch {
      claim(false, "readNotice waits for something: it should read what it is given")
    }
    claimEqual(kit.wire.calls.length, calls, "the number of calls after a notice was read")
  }),
  noticeCase("a notice with one bit changed anywhere is not read", async (kit, { sent, bytes, read }) => {
    const step = Math.max(1, Math.floor(bytes.length / PLACES))
    for (let at = 0; at < bytes.length; at += step) {
      const body = Uint8Array.from(bytes)
      body[at] = (body[at] ?? 0) ^ 1
      claimNotRead(kit, await kit.readNotice({ ...sent, body }), read, `a notice whose byte ${at} was changed`)
    }
  }),
  noticeCase("a notice that is cut short anywhere is not read", async (kit, { sent, bytes, read }) => {
    const step = Math.max(1, Math.floor(bytes.length / 64))
    for (let length = bytes.length - 1; length >= 0; length -= step) {
      const outcome = await kit.readNotice({ ...sent, body: bytes.subarray(0, length) })
      claimNotRead(kit, outcome, read, `a notice of which ${length} bytes are left`)
    }
  }),
  noticeCase("a notice with something added is not read", async (kit, { sent, bytes, read }) => {
    const text = bytes.toString("utf8")
    const added = text.startsWith("{") ? ['{"a":1}', " ", "\n"] : ["&kit=1", "&", "\n"]
    for (const more of added) {
      const outcome = await kit.readNotice({ ...sent, body: text + more })
      claimNotRead(kit, outcome, read, `a notice with ${show(more)} behind it`)
    }
  }),
  noticeCase("a notice with a field given twice never reads as another one", async (kit, { sent, bytes, read }) => {
    for (const body of doubled(bytes.toString("utf8")))
      claimNotRead(kit, await kit.readNotice({ ...sent, body }), read, "a notice with a field given twice")
  }),
  noticeCase("a notice with its fields in another order never reads as another one", async (kit, it) => {
    const body = reordered(it.bytes.toString("utf8"))
    if (body === undefined) return
    claimNotRead(kit, await kit.readNotice({ ...it.sent, body }), it.read, "a notice in another order")
  }),
  noticeCase("a notice spelled in another way never reads as another one", async (kit, it) => {
    for (const body of respelled(it.bytes.toString("utf8")))
      claimNotRead(kit, await kit.readNotice({ ...it.sent, body }), it.read, "a notice in another spelling")
  }),
  noticeCase("a notice with any of its headers changed or missing never reads as another one", async (kit, it) => {
    for (const [name, value] of Object.entries(it.sent.headers)) {
      const { [name]: _, ...rest } = it.sent.headers
      const flipped = value.replace(/.$/, (last) => (last === "0" ? "1" : "0"))
      for (const headers of [rest, { ...rest, [name]: flipped }, { ...rest, [name]: "" }])
        claimRefusedOrSame(await kit.readNotice({ ...it.sent, headers }), it.read, `a notice with another ${name}`)
    }
  }),
  noticeCase("a notice without any of its headers, or with endless ones, is no crash", async (kit, { sent, read }) => {
    const endless = Object.fromEntries(Object.keys(sent.headers).map((name) => [name, "a".repeat(100_000)]))
    for (const headers of [{}, endless])
      claimRefusedOrSame(await kit.readNotice({ ...sent, headers }), read, "a notice with hostile headers")
  }),
  wishCase("a notice that nobody signed is refused", { signedBy: "nobody" }, (outcome) =>
    claimRefused(outcome, "an unsigned notice")
  ),
  wishCase("a notice signed with a key that nobody knows is refused", { signedBy: "stranger" }, (outcome) =>
    claimRefused(outcome, "a forged notice")
  ),
  {
    name: "a notice signed for another account is refused",
    run: async (kit) => {
      const other = await kit.other()
      const order = await other.paid()
      const sent = await other.simulator.notice(order.orderNo)
      if (sent === undefined) return
      claimDone(await other.readNotice(sent), "a notice at the account that it is for")
      claimRefused(await kit.readNotice(sent), "a notice signed with another account's key")
    }
  },
  {
    name: "the signature of one notice is worth nothing on another",
    run: async (kit) => {
      const [mine, theirs] = [await genuine(kit), await genuine(kit)]
      if (mine === undefined || theirs === undefined) return
      const outcome = await kit.readNotice({ headers: mine.sent.headers, body: theirs.sent.body })
      claimNotRead(kit, outcome, theirs.read, "a notice with the headers of another one")
    }
  },
  noticeCase("a notice replayed at once says the same, an hour later the same or nothing", async (kit, it) => {
    const { sent, order, read } = it
    claimDone(await kit.readNotice(sent), "a notice replayed at once")
    const late = await kit.readNotice(sent, new Date(order.createdAt.getTime() + HOUR_MS))
    if (late._tag === "Failure") return claimRefused(late, "a notice replayed after an hour")
    claimEqual(saying(late.success), saying(read), "a notice replayed after an hour")
  }),
  ...[1, 1_233, 1_235, 123_400].map((amountFen) =>
    wishCase(
      `a notice of ${amountFen} fen for an order of 1234 says so, for the core to flag`,
      { amountFen },
      (outcome, order) => {
        if (outcome._tag === "Failure") return claimRefused(outcome, "a notice of another amount")
        claimEqual(outcome.success.orderNo, order.orderNo, "the notice's order")
        const payment = paymentIn(outcome.success)
        if (payment !== undefined) claimEqual(payment.amountFen, amountFen, "the notice's amount in fen")
      }
    )
  ),
  wishCase("a notice in another currency says so, for the core to flag", { currency: "USD" }, (outcome) => {
    if (outcome._tag === "Failure") return claimRefused(outcome, "a notice in dollars")
    const payment = paymentIn(outcome.success)
    if (payment !== undefined) claimEqual(payment.currency, "USD", "the currency of a notice in dollars")
  }),
  {
    name: "a notice names the order that it is about, not the last one",
    run: async (kit) => {
      const [first, second] = [await kit.paid(), await kit.paid()]
      for (const order of [second, first, second]) {
        const sent = await kit.simulator.notice(order.orderNo)
        if (sent === undefined) return
        claimEqual(claimDone(await kit.readNotice(sent), "a notice").orderNo, order.orderNo, "the notice's order")
      }
    }
  },
  {
    name: "a notice of a status that is no payment is news, and pays nothing",
    run: async (kit) => {
      const order = await kit.charged()
      const sent = await kit.simulator.notice(order.orderNo, { paid: false })
      if (sent === undefined) return
      const notice = claimDone(await kit.readNotice(sent), "a notice of a status that is no payment")
      claimEqual(notice, { kind: "news", orderNo: order.orderNo }, "a notice of a status that is no payment")
    }
  },
  {
    name: "notices may come in any order: paid, waiting, paid says the same of each",
    run: async (kit) => {
      const order = await kit.charged()
      const waiting = await kit.simulator.notice(order.orderNo, { paid: false })
      await kit.simulator.pay(order.orderNo)
      const paid = await kit.simulator.notice(order.orderNo)
      if (waiting === undefined || paid === undefined) return
      const news: Array<boolean> = []
      for (const sent of [paid, waiting, paid])
        news.push(claimDone(await kit.readNotice(sent), "a notice out of order").kind === "news")
      claimEqual(news, [false, true, false], "whether notices out of order are news that is no payment")
    }
  },
  {
    name: "a body that is no notice at all is refused, never a crash",
    run: async (kit) => {
      const headers = (await genuine(kit))?.sent.headers ?? {}
      const deep = "[".repeat(50_000)
      for (const body of ["", "null", "[]", "{}", "0", '"a"', "a=b", "<xml/>", deep, "\u0000", "{", "%", "&&=&"]) {
        const outcome = await kit.readNotice({ headers, body })
        claimNoDefect(outcome, `the notice ${show(body.slice(0, 20))}`)
        claimRefused(outcome, `the notice ${show(body.slice(0, 20))}`)
      }
      const bytes = Uint8Array.from({ length: 512 }, (_, index) => index % 256)
      claimRefused(await kit.readNotice({ headers, body: bytes }), "a notice of bytes that are no text")
      claimRefused(await kit.readNotice({ headers: {}, body: "" }), "an empty notice")
    }
  },
  noticeCase("names like __proto__ in a notice do no harm", async (kit, { sent, bytes, read }) => {
    const text = bytes.toString("utf8")
    const body = text.startsWith("{")
      ? text.replace("{", '{"__proto__":{"payment":{}},"constructor":1,')
      : `${text}&__proto__=1&constructor=2`
    claimNotRead(kit, await kit.readNotice({ ...sent, body }), read, "a notice with __proto__ in it")
    claim(!("payment" in {}), "a notice has changed every object of the process")
  })
]
