import { describe, expect, test } from "bun:test"
import { Effect, Exit, Schema } from "effect"
import {
  AccountInvalid,
  type AsyncChannel,
  type AsyncHttp,
  ChannelHttp,
  ChannelProvider,
  ChannelRejected,
  ChannelUncertain,
  NoticeRefused,
  Redacted,
  Secret
} from "../../core/channel/index.ts"
import { describeChannel, openKit } from "../../core/kit/index.ts"
import { startTiny, TinyAccount, tiny } from "./tiny-channel.ts"

/** The tiny channel, with each act behind an `async` function that throws. */
const asyncTiny = (change: Partial<AsyncChannel> = {}) =>
  ChannelProvider.fromAsync({
    id: "tiny",
    products: tiny.products,
    account: TinyAccount.fields,
    egress: ({ url }) => [url.host],
    open: async (account, gateway) => {
      const channel = await Effect.runPromise(tiny.open(account, gateway))
      const { reference, close, refund, queryRefund, downloadBill, payer } = channel
      if (!reference || !close || !refund || !queryRefund || !downloadBill || !payer)
        throw new Error("tiny does it all")
      return {
        reference,
        charge: (request, http) => run(channel.charge(request), http),
        query: (charge, http) => run(channel.query(charge), http),
        readNotice: (raw) => Effect.runSync(channel.readNotice(raw)),
        replies: channel.replies,
        close: (charge, http) => run(close(charge), http),
        refund: (request, http) => run(refund(request), http),
        queryRefund: (asked, http) => run(queryRefund(asked), http),
        downloadBill: (bill, http) => run(downloadBill(bill), http),
        payer: { authorizeUrl: payer.authorizeUrl, identify: (login, http) => run(payer.identify(login), http) },
        ...change
      }
    }
  })

const run = <A, E>(effect: Effect.Effect<A, E, ChannelHttp>, http: AsyncHttp): Promise<A> =>
  Effect.runPromise(
    Effect.provideService(effect, ChannelHttp, {
      send: (request) =>
        Effect.tryPromise({
          try: () => http.send(request),
          catch: (error) => error as ChannelRejected | ChannelUncertain
        })
    })
  )

describeChannel(asyncTiny(), { simulator: startTiny })

/** The smallest channel: only its required acts. */
const least: Pick<AsyncChannel, "charge" | "query" | "readNotice" | "replies"> = {
  charge: async () => ({ kind: "qrcode", content: "x" }),
  query: async () => ({ state: "absent" }),
  readNotice: () => ({ kind: "news", orderNo: "QR1" }),
  replies: {
    accepted: { status: 200, contentType: "text/plain", body: "ok" },
    refused: { status: 400, contentType: "text/plain", body: "no" }
  }
}

describe("A channel of async functions", () => {
  const chargeThrows = async (thrown: unknown) => {
    const charge = async () => {
      throw thrown
    }
    const kit = await openKit(asyncTiny({ charge }), { simulator: startTiny })
    const outcome = await kit.act((channel) => channel.charge(kit.order()))
    await kit.stop()
    return outcome._tag === "Failure" ? { tag: outcome.failure._tag, why: outcome.failure.why } : outcome
  }

  test("says no by throwing the interface's errors", async () => {
    expect(await chargeThrows(new ChannelRejected({ reason: "closed" }))).toEqual({
      tag: "ChannelRejected",
      why: undefined
    })
    expect(await chargeThrows(new ChannelUncertain({ why: "timeout" }))).toEqual({
      tag: "ChannelUncertain",
      why: "timeout"
    })
  })

  test.each([
    ["an error that JavaScript throws", new TypeError("undefined is not a function")],
    ["a text", "no"],
    ["nothing", undefined],
    ["an error of another act", new NoticeRefused({ why: "stale" })]
  ])("that throws %s has a bug, and the order is uncertain", async (_what, thrown) => {
    expect(await chargeThrows(thrown)).toEqual({ tag: "ChannelUncertain", why: "defect" })
  })

  test("refuses a notice by whatever its readNotice throws", async () => {
    const kit = await openKit(
      asyncTiny({
        readNotice: (raw) => JSON.parse(Buffer.from(raw.body).toString())
      }),
      { simulator: startTiny }
    )
    const outcome = await kit.readNotice({ headers: {}, body: "{" })
    await kit.stop()
    expect(outcome).toMatchObject({ failure: { _tag: "NoticeRefused", why: "unreadable", detail: "SyntaxError" } })
  })

  test("refuses an account by throwing AccountInvalid; anything else is a bug", async () => {
    const opening = (thrown: unknown) =>
      Effect.runPromiseExit(
        ChannelProvider.fromAsync({
          id: "a",
          products: tiny.products,
          account: { key: Secret, name: Schema.String },
          egress: () => [],
          open: ({ key }) => {
            expect(Redacted.value(key)).toBe("the key")
            throw thrown
          }
        }).open({ key: Redacted.make("the key"), name: "a" }, { publicUrl: "", localUrl: "" })
      )
    const invalid = new AccountInvalid({ field: "key", message: "key is too short" })
    expect(await opening(invalid)).toEqual(Exit.fail(invalid))
    expect(await opening(new Error("a bug"))).toEqual(Exit.die(new Error("a bug")))
  })

  test("has only the abilities that its author wrote", async () => {
    const provider = ChannelProvider.fromAsync({
      id: "b",
      products: tiny.products,
      account: TinyAccount.fields,
      egress: () => [],
      open: () => least
    })
    const account = { merchant: "m", secret: Redacted.make("s".repeat(16)), url: new URL("http://127.0.0.1:1") }
    const channel = await Effect.runPromise(provider.open(account, { publicUrl: "", localUrl: "" }))
    expect(Object.keys(channel).sort()).toEqual(["charge", "query", "readNotice", "replies"])
  })

  test("given up by the core, has its call ended", async () => {
    let ended: unknown
    const charge: AsyncChannel["charge"] = async (_request, http) => {
      await http.send({ method: "GET", url: "http://127.0.0.1/" }).catch((error) => {
        ended = error
      })
      return { kind: "qrcode", content: "late" }
    }
    const provider = ChannelProvider.fromAsync({
      id: "c",
      products: tiny.products,
      account: {},
      egress: () => [],
      open: () => ({ ...least, charge })
    })
    const channel = await Effect.runPromise(provider.open({}, { publicUrl: "", localUrl: "" }))
    let interrupted = false
    const send = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => (interrupted = true)))
    await Effect.runPromise(
      Effect.timeoutOption(channel.charge(null as never), 20).pipe(Effect.provideService(ChannelHttp, { send }))
    )
    await new Promise((resolve) => setImmediate(resolve))
    expect(interrupted).toBe(true)
    expect(ended).toBeInstanceOf(ChannelUncertain)
  })
})
