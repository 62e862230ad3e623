import { randomBytes } from "node:crypto"
import { Effect, Redacted, Schema } from "effect"
import type { AnyProvider } from "../../core/cashier/opened-account.ts"
import {
  AccountInvalid,
  type Channel,
  ChannelHttp,
  type ChannelHttpAnswer,
  type ChannelHttpRequest,
  ChannelRejected,
  ChannelUncertain,
  type Notice,
  NoticeRefused,
  type Payment,
  type RawNotice
} from "../../core/channel/index.ts"
import { type KitSimulator, WIRE_FAULTS } from "../../core/kit/index.ts"
import { fetchChannelHttp } from "../harness/fetch-channel-http.ts"
import { hmac, TinyAccount, tiny } from "./tiny-channel.ts"

/** One mistake in the tiny channel; `simulator` changes the account. */
export interface Mutation {
  readonly provider: () => AnyProvider
  readonly simulator?: (simulator: KitSimulator) => KitSimulator
}
type All = Required<Channel>

const inProvider = (change: (provider: typeof tiny) => object): Mutation => ({
  provider: () => ({ ...tiny, ...change(tiny) })
})
const firstProduct = (change: object) =>
  inProvider(({ products: [first, ...rest] }) => ({ products: [{ ...first, ...change }, ...rest] }))

/** The change is made once per kit, so that its state spans all of the kit's orders. */
const inChannel = (change: () => (channel: All, account: TinyAccount) => object): Mutation => ({
  provider: () => {
    const changed = change()
    return {
      ...tiny,
      open: (account, gateway) =>
        Effect.map(tiny.open(account, gateway), (channel) => ({ ...channel, ...changed(channel as All, account) }))
    }
  }
})
const stateless = (change: (channel: All, account: TinyAccount) => object) => inChannel(() => change)

/** Changes all calls of an act on their way out or back. */
const over = <A, E>(
  effect: Effect.Effect<A, E, ChannelHttp>,
  change: (request: ChannelHttpRequest, send: ChannelHttp["Service"]["send"]) => ReturnType<typeof send>
): Effect.Effect<A, E, ChannelHttp> =>
  Effect.flatMap(ChannelHttp, (http) =>
    Effect.provideService(effect, ChannelHttp, { send: (request) => change(request, http.send) })
  )

const onAnswer =
  (account: TinyAccount, rewrite: (asked: Record<string, unknown>, text: string) => string, status?: number) =>
  <A, E>(effect: Effect.Effect<A, E, ChannelHttp>) =>
    over(effect, (request, send) =>
      Effect.map(send(request), (answer): ChannelHttpAnswer => {
        const text = rewrite(JSON.parse(String(request.body)), Buffer.from(answer.body).toString("latin1"))
        const purpose = `answer ${new URL(request.url).pathname} ${request.headers?.["x-nonce"]}`
        const bytes = Buffer.from(text, "latin1")
        const signature = hmac(Redacted.value(account.secret), purpose, bytes.toString("utf8"))
        return { status: status ?? answer.status, headers: { "x-signature": signature }, body: bytes }
      })
    )

/** Takes every answer for signed. */
const trusting = (account: TinyAccount) => onAnswer(account, (_asked, text) => text)
/** Takes every answer for an answer to the request. */
const credulous = (account: TinyAccount) =>
  onAnswer(account, (asked, text) => JSON.stringify({ ...JSON.parse(text), order: asked.order, fen: asked.fen }))

const rejects = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.mapError(effect, () => new ChannelRejected({ reason: "it failed" }))
const says =
  <B>(value: B) =>
  <A, R>(effect: Effect.Effect<A, unknown, R>) =>
    Effect.catch(effect, () => Effect.succeed(value))

const textOf = (raw: RawNotice): string => Buffer.from(raw.body).toString("utf8")
const signedFor = (account: TinyAccount, raw: RawNotice): RawNotice => ({
  ...raw,
  headers: { "x-signature": hmac(Redacted.value(account.secret), "notice", textOf(raw)) }
})
const trustsNotices = stateless(({ readNotice }, account) => ({
  readNotice: (raw: RawNotice) => readNotice(signedFor(account, raw))
}))
const anyPayment: Payment = { channelTradeNo: "1", amountFen: 1_234, currency: "CNY", paidAt: new Date(0) }
/** Reads what a notice would say if it named the merchant. @param instead also where it names another one */
const readsAsOurs = (instead: boolean) =>
  stateless(({ readNotice }, account) => ({
    readNotice: (raw: RawNotice) => {
      const said = JSON.parse(textOf(raw))
      const ours = { ...said, merchant: instead ? account.merchant : (said.merchant ?? account.merchant) }
      return readNotice(signedFor(account, { ...raw, body: Buffer.from(JSON.stringify(ours)) }))
    }
  }))
/** Searches the text for an order number and verifies nothing. */
const readsByLooking = stateless(() => ({
  readNotice: (raw: RawNotice) => {
    const [, orderNo] = /"order":"(\w+)"/.exec(textOf(raw)) ?? []
    return orderNo === undefined ? refuse() : Effect.succeed({ kind: "payment", orderNo, payment: anyPayment })
  }
}))
const refuse = () => Effect.fail(new NoticeRefused({ why: "unreadable" }))
const noticed = (change: (notice: Notice) => Notice) =>
  stateless(({ readNotice }) => ({ readNotice: (raw: RawNotice) => Effect.map(readNotice(raw), change) }))
const paymentNoticed = (change: Partial<Payment>) =>
  noticed((notice) => (notice.kind === "payment" ? { ...notice, payment: { ...notice.payment, ...change } } : notice))

const charges = (
  change: (request: Parameters<All["charge"]>[0], channel: All, account: TinyAccount) => ReturnType<All["charge"]>
) =>
  stateless((channel, account) => ({
    charge: (request: Parameters<All["charge"]>[0]) => change(request, channel, account)
  }))
const queries = (change: (state: Effect.Success<ReturnType<All["query"]>>) => object) =>
  stateless(({ query }) => ({ query: (charge: Parameters<All["query"]>[0]) => Effect.map(query(charge), change) }))
const paymentQueried = (change: (payment: Payment) => Partial<Payment>) =>
  queries((state) =>
    state.state === "paid" ? { ...state, payment: { ...state.payment, ...change(state.payment) } } : state
  )
const shows = (change: object) =>
  charges((request, { charge }) => Effect.map(charge(request), (shown) => ({ ...shown, ...change }) as typeof shown))
const random = () => randomBytes(4).toString("hex")
const secretOf = (account: TinyAccount) => Redacted.value(account.secret)

const overcharges = charges((request, { charge }) => charge({ ...request, amountFen: request.amountFen + 1 }))
const newNumberEachTime = charges((request, { charge }) => charge({ ...request, orderNo: request.orderNo + random() }))
const rejectsWhatIsUncertain = charges((request, { charge }) => rejects(charge(request)))
const shrugs = (state: string) =>
  stateless(({ query }) => ({ query: (charge: Parameters<All["query"]>[0]) => says({ state })(query(charge)) }))
const closesAnyway = stateless(({ close }) => ({
  close: (charge: Parameters<All["close"]>[0]) => says({ state: "closed" })(close(charge))
}))
const refundRejects = stateless(({ refund }) => ({
  refund: (request: Parameters<All["refund"]>[0]) => rejects(refund(request))
}))
const refundSays = (state: object) =>
  stateless(() => ({ refund: () => Effect.succeed(state), queryRefund: () => Effect.succeed(state) }))
const login = (change: (payer: All["payer"]) => object) =>
  stateless(({ payer }) => ({ payer: { ...payer, ...change(payer) } }))
const bare = Schema.Struct({ ...TinyAccount.fields, secret: Schema.String })
const redacted = (account: typeof bare.Type): TinyAccount => ({ ...account, secret: Redacted.make(account.secret) })
const withBareSecret = (change: (channel: All, account: TinyAccount) => object): Mutation =>
  inProvider(({ open }) => ({
    account: bare,
    open: (account: typeof bare.Type, gateway: never) =>
      Effect.map(open(redacted(account), gateway), (channel) => ({
        ...channel,
        ...change(channel as All, redacted(account))
      }))
  }))
const opensWith = (open: (account: TinyAccount) => unknown) => inProvider(() => ({ open }))

/** For each case of the kit, a mistake that the case must find. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "the provider's id is of [a-z0-9-] and begins with a letter or digit": inProvider(() => ({ id: "Tiny Pay" })),
  "the provider has products, and none of their codes twice": inProvider(({ products }) => ({
    products: [...products, ...products]
  })),
  "every product's code is 1 to 32 characters of [A-Za-z0-9_]": firstProduct({ code: "tiny qr" }),
  "every product has a name for Chinese readers and one in plain ASCII for the others": firstProduct({ nameEn: "小" }),
  "every product's flow is one that the cashier knows": firstProduct({ flow: "fax" }),
  "a product of the contract's own codes has the contract's type and flow": firstProduct({ code: "wxpay_js" }),
  "a product's limits are whole fen, the lower one not above the upper one": firstProduct({ minFen: 2, maxFen: 1 }),
  "the account's schema becomes a JSON Schema, which the operator's form is made of": inProvider(
    ({ account, open, egress }) => {
      const decode = Schema.decodeUnknownSync(account)
      return {
        account: Schema.Unknown,
        egress: (raw: unknown, gateway: never) => egress(decode(raw), gateway),
        open: (raw: unknown, gateway: never) => open(decode(raw), gateway)
      }
    }
  ),
  "the reply to an accepted notice is a small 2xx with a content type": stateless(({ replies }) => ({
    replies: { ...replies, accepted: { status: 500, contentType: "text/plain", body: "ok" } }
  })),
  "the reply to a refused notice cannot be taken for an acknowledgement": stateless(({ replies }) => ({
    replies: { ...replies, refused: replies.accepted }
  })),
  "what a channel cannot do is absent, what it can do is a function": stateless(() => ({ downloadBill: "later" })),
  "a channel that refunds can be asked how a refund went": stateless(() => ({ queryRefund: undefined })),
  "an order's reference is the same whenever it is asked for": stateless(() => ({
    reference: () => ({ key: random() })
  })),
  "an order's reference is small plain JSON": stateless(() => ({ reference: () => ({ key: new Date(0) }) })),

  "the account's JSON opens": opensWith(() => Effect.fail(new AccountInvalid({ field: "secret", message: "no" }))),
  "an account without one of its required fields is refused by a sentence that names the field": inProvider(() => ({
    account: Schema.Struct({
      merchant: Schema.optionalKey(Schema.String),
      secret: Schema.optionalKey(Schema.RedactedFromValue(Schema.String)),
      url: Schema.optionalKey(Schema.URLFromString)
    }),
    open: (account: Partial<TinyAccount>) =>
      account.secret === undefined || account.url === undefined || account.merchant === undefined
        ? Effect.fail(new AccountInvalid({ field: "account", message: "something is missing" }))
        : tiny.open({ ...account } as TinyAccount, { publicUrl: "", localUrl: "" })
  })),
  "an account with a field of the wrong type is refused, never a crash": inProvider(() => ({
    account: Schema.Struct({ ...TinyAccount.fields, merchant: Schema.Unknown })
  })),
  "an account that is no object is refused": inProvider(() => ({
    account: Schema.Union([tiny.account, Schema.Unknown]),
    egress: () => [],
    open: (account: TinyAccount) =>
      Redacted.isRedacted(account?.secret) ? tiny.open(account, { publicUrl: "", localUrl: "" }) : Effect.succeed({})
  })),
  "secrets are Redacted in the opened account": withBareSecret(() => ({})),
  "key material that cannot be right is refused by a sentence without it, or taken as it is": opensWith((account) =>
    secretOf(account).length >= 30
      ? tiny.open(account, { publicUrl: "", localUrl: "" })
      : Effect.fail(new AccountInvalid({ field: "secret", message: `secret ${secretOf(account)} is no secret` }))
  ),
  "opening an account calls nobody": opensWith((account) =>
    Effect.andThen(
      Effect.promise(() => fetch(account.url).catch(() => undefined)),
      tiny.open(account, { publicUrl: "", localUrl: "" })
    )
  ),
  "two opened accounts keep their keys apart": {
    provider: () => {
      let first: TinyAccount | undefined
      return {
        ...tiny,
        open: (account: TinyAccount, gateway) => {
          const own = first ?? account
          first = own
          return tiny.open(own, gateway)
        },
        egress: () => [first?.url.host ?? ""]
      }
    }
  },

  "the declared hosts are plain hosts, without scheme, path or wildcard": inProvider(({ egress }) => ({
    egress: (account: TinyAccount, gateway: never) => [...egress(account, gateway), "*.example.com"]
  })),
  "every call of an order's life goes to a declared host, by http or https": inProvider(() => ({
    egress: () => ["pay.example.com"]
  })),
  "the declared hosts do not change from one look to the next": inProvider(({ egress }) => ({
    egress: (account: TinyAccount, gateway: never) => [...egress(account, gateway), `${random()}.example.com`]
  })),
  "a channel has no way out but ChannelHttp: where it reaches nobody, nothing arrives": charges((request, { charge }) =>
    Effect.provide(charge(request), fetchChannelHttp)
  ),
  "an account that points elsewhere is refused, or its egress says where it points": {
    provider: () => {
      let host: string | undefined
      return {
        ...tiny,
        egress: ({ url }: TinyAccount) => {
          const own = host ?? url.host
          host = own
          return [own]
        }
      }
    }
  },

  "a charge of every product shows the payer what its flow promises": shows({
    kind: "redirect",
    url: "https://x.example"
  }),
  "what the payer is shown can be shown: codes that fit a QR code, absolute URLs, whole parameters": shows({
    content: "x".repeat(3_000)
  }),
  "what the payer is shown is plain JSON, because it is stored": shows({ imageUrl: undefined }),
  "a charge leaves its request as it was": charges((request, { charge }) => {
    Object.assign(request, { description: "changed" })
    return charge(request)
  }),
  "an order that is charged again is one trade at the provider, for the same amount": newNumberEachTime,
  "an order that is charged again after its answer got lost is one trade, and never refused for good": inChannel(() => {
    const seen = new Set<string>()
    return ({ charge }) => ({
      charge: (request: Parameters<All["charge"]>[0]) => {
        if (seen.has(request.orderNo)) return Effect.fail(new ChannelRejected({ reason: "the number is taken" }))
        seen.add(request.orderNo)
        return charge(request)
      }
    })
  }),
  "five charges of one order at once are one trade at the provider": newNumberEachTime,
  "two orders are two trades at the provider": charges((request, { charge }) => charge({ ...request, orderNo: "QR1" })),
  "a description of quotes, ampersands, emoji and line breaks is charged all the same": charges(
    (request, { charge }) =>
      /["&\n]/.test(request.description) ? Effect.fail(new ChannelRejected({ reason: "subject" })) : charge(request)
  ),
  "an order that expires in a moment, or just has, is no reason to crash": charges((request, { charge }) => {
    if (request.expiresAt.getTime() <= Date.now()) throw new RangeError("minutes must be positive")
    return charge(request)
  }),
  "a definite refusal is ChannelRejected with the provider's words, and the provider has no such order": charges(
    (request, { charge }) => Effect.mapError(charge(request), () => new ChannelUncertain({ why: "server-error" }))
  ),
  "a product of flow jsapi without a payer is refused before anything is sent": charges((request, { charge }) =>
    charge({ ...request, jsapi: { appId: null, openid: "o", miniProgram: false } })
  ),

  "1 fen is charged, queried and noticed to the fen": overcharges,
  "10 fen is charged, queried and noticed to the fen": overcharges,
  "99 fen is charged, queried and noticed to the fen": paymentQueried(() => ({ amountFen: 98 })),
  "1 yuan is charged, queried and noticed to the fen": paymentNoticed({ amountFen: 1 }),
  "1,234.56 yuan is charged, queried and noticed to the fen": charges((request, { charge }) =>
    charge({ ...request, amountFen: Math.floor(request.amountFen / 100) * 100 })
  ),
  "amounts that floats get wrong are charged, queried and noticed to the fen": paymentQueried(({ amountFen }) => ({
    amountFen: Math.floor(Number((amountFen / 100).toFixed(2)) * 100)
  })),
  "the largest amount that the product takes is charged, queried and noticed to the fen": paymentQueried(
    ({ amountFen }) => ({ amountFen: amountFen | 0 })
  ),
  "a query says what was paid, not what was asked for": paymentQueried(() => ({ amountFen: 1_234 })),
  "the query and the notice of a payment tell the same money and trade number": paymentNoticed({
    channelTradeNo: "N1"
  }),
  "a payment has the provider's own trade number, another one for each order": paymentQueried(() => ({
    channelTradeNo: "T1"
  })),
  "a payment names its currency by three capital letters, CNY for yuan": paymentNoticed({ currency: "RMB" }),
  "a payment was made now, not eight hours off": paymentQueried(({ paidAt }) => ({
    paidAt: new Date(paidAt.getTime() + 28_800_000)
  })),
  "a fee, where the provider reports one, is whole fen within the amount": paymentQueried(() => ({ feeFen: 0.5 })),

  "an order that the provider has never heard of is absent or pending, never more": queries((state) =>
    state.state === "absent" ? { state: "closed" } : state
  ),
  "an order that nobody has paid is pending": queries((state) =>
    state.state === "pending" ? { state: "failed", reason: "not paid" } : state
  ),
  "an order that was paid is paid, however often it is asked about": inChannel(() => {
    let asked = 0
    return ({ query }) => ({
      query: (charge: Parameters<All["query"]>[0]) =>
        Effect.map(query(charge), (state) => (state.state === "paid" && asked++ > 0 ? { state: "pending" } : state))
    })
  }),
  "of many orders each has its own state": inChannel(() => {
    let last: Effect.Success<ReturnType<All["query"]>> | undefined
    return ({ query }) => ({
      query: (charge: Parameters<All["query"]>[0]) =>
        Effect.map(query(charge), (state) => {
          if (last?.state !== "paid") last = state
          return last
        })
    })
  }),
  "an order is known again from what was stored, by a channel opened anew": stateless(({ charge, query }) => {
    const numbers = new Set<string>()
    return {
      charge: (request: Parameters<All["charge"]>[0]) => {
        numbers.add(request.orderNo)
        return charge(request)
      },
      query: (asked: Parameters<All["query"]>[0]) =>
        numbers.has(asked.orderNo) ? query(asked) : Effect.succeed({ state: "absent" })
    }
  }),
  "asking changes nothing: after a query the order can still be paid": stateless(({ close, query }) => ({
    query: (charge: Parameters<All["query"]>[0]) => Effect.andThen(Effect.ignore(close(charge)), query(charge))
  })),
  "an unpaid order that is closed is closed, and nobody can pay it any more": stateless(() => ({
    close: () => Effect.succeed({ state: "closed" })
  })),
  "closing a closed order says closed again": inChannel(() => {
    const seen = new Set<string>()
    return ({ close }) => ({
      close: (charge: Parameters<All["close"]>[0]) => {
        if (seen.has(charge.orderNo)) return Effect.fail(new ChannelRejected({ reason: "closed already" }))
        seen.add(charge.orderNo)
        return close(charge)
      }
    })
  }),
  "closing a paid order says paid, or leaves it open, and the order stays paid": stateless(() => ({
    close: () => Effect.succeed({ state: "closed" })
  })),
  "closing an order that the provider has never heard of never says paid": stateless(() => ({
    close: () => Effect.succeed({ state: "paid" })
  })),
  "a close that the provider answers with 'not now' closes nothing": closesAnyway,
  "a close whose answer is signed with a key that nobody knows says nothing": closesAnyway,

  "a charge that finds nobody listening is no success": charges((request, { charge }) =>
    says({ kind: "qrcode" as const, content: "https://pay.example" })(charge(request))
  ),
  "a charge's answer without its headers is no success, unless its signature is in the body": rejectsWhatIsUncertain,
  "a charge's answer with one byte changed anywhere shows nothing that the provider did not say": charges(
    (request, { charge }, account) => trusting(account)(charge(request))
  ),
  "a charge that the provider answers with 'not now' is uncertain, not refused, and works later":
    rejectsWhatIsUncertain,
  "a query that the provider answers with 'not now' says nothing of a paid order": shrugs("absent"),
  "a charge's answer signed with a key that nobody knows is no success and no definite refusal": charges(
    (request, { charge }, account) => trusting(account)(charge(request))
  ),
  "a charge's answer that nobody signed is no success and no definite refusal": charges(
    (request, { charge }, account) => trusting(account)(charge(request))
  ),
  "a charge's answer about another order is no success and no definite refusal": charges(
    (request, { charge }, account) => credulous(account)(charge(request))
  ),
  "a charge's answer about another amount is no success and no definite refusal": charges(
    (request, { charge }, account) => credulous(account)(charge(request))
  ),
  "a query that finds nobody listening says nothing of a paid order": shrugs("absent"),
  "a query's answer with one byte changed anywhere says nothing, or still the truth": stateless(
    ({ query }, account) => ({
      query: (charge: Parameters<All["query"]>[0]) => trusting(account)(query(charge))
    })
  ),
  "a query's answer signed with a key that nobody knows says nothing": stateless(({ query }, account) => ({
    query: (charge: Parameters<All["query"]>[0]) => trusting(account)(query(charge))
  })),
  "a query's answer that nobody signed says nothing": stateless(({ query }, account) => ({
    query: (charge: Parameters<All["query"]>[0]) => trusting(account)(query(charge))
  })),
  "a query's answer about another order says nothing": stateless(({ query }, account) => ({
    query: (charge: Parameters<All["query"]>[0]) =>
      onAnswer(account, (asked, text) => JSON.stringify({ ...JSON.parse(text), order: asked.order }))(query(charge))
  })),
  "a fault strikes its own call only: the next charge works": inChannel(() => {
    let broken = false
    return ({ charge }) => ({
      charge: (request: Parameters<All["charge"]>[0]) =>
        broken
          ? Effect.fail(new ChannelUncertain({ why: "connection" }))
          : Effect.tapError(charge(request), () =>
              Effect.sync(() => {
                broken = true
              })
            )
    })
  }),

  "a genuine notice names its order and its payment, or is a hint": noticed((notice) => ({
    ...notice,
    orderNo: "QR1"
  })),
  "a notice reads the same whenever it is read, and its bytes stay as they were": inChannel(() => {
    let read = 0
    return ({ readNotice }) => ({
      readNotice: (raw: RawNotice) =>
        Effect.map(readNotice(raw), (notice) => (read++ % 2 === 0 ? notice : { kind: "news", orderNo: notice.orderNo }))
    })
  }),
  "a notice is read without asking anybody, and at once": stateless(({ readNotice }) => ({
    readNotice: (raw: RawNotice) => Effect.andThen(Effect.sleep(1), readNotice(raw))
  })),
  "a notice with one bit changed anywhere is not read": trustsNotices,
  "a notice that is cut short anywhere is not read": readsByLooking,
  "a notice with something added is not read": readsByLooking,
  "a notice with a field given twice never reads as another one": trustsNotices,
  "a notice with its fields in another order never reads as another one": trustsNotices,
  "a notice spelled in another way never reads as another one": trustsNotices,
  "a notice with any of its headers changed or missing never reads as another one": stateless(
    ({ readNotice }, account) => ({
      readNotice: (raw: RawNotice) =>
        Object.hasOwn(raw.headers, "x-signature")
          ? readNotice(raw)
          : Effect.map(readNotice(signedFor(account, raw)), (notice) => ({ ...notice, payment: null }))
    })
  ),
  "a notice without any of its headers, or with endless ones, is no crash": stateless(({ readNotice }) => ({
    readNotice: (raw: RawNotice) =>
      raw.headers["x-signature"] === undefined ? Effect.die(new TypeError("undefined")) : readNotice(raw)
  })),
  "a notice that nobody signed is refused": trustsNotices,
  "a notice signed with a key that nobody knows is refused": trustsNotices,
  "a notice signed for another account is refused": trustsNotices,
  "the signature of one notice is worth nothing on another": inChannel(() => {
    const seen = new Set<string>()
    return ({ readNotice }, account) => ({
      readNotice: (raw: RawNotice) => {
        const signature = raw.headers["x-signature"] ?? ""
        if (seen.has(signature)) return readNotice(signedFor(account, raw))
        return Effect.tap(readNotice(raw), () => Effect.sync(() => seen.add(signature)))
      }
    })
  }),
  "a notice replayed at once says the same, an hour later the same or nothing": inChannel(() => {
    const seen = new Set<string>()
    return ({ readNotice }) => ({
      readNotice: (raw: RawNotice) => {
        if (seen.has(textOf(raw))) return refuse()
        seen.add(textOf(raw))
        return readNotice(raw)
      }
    })
  }),
  "a notice of 1 fen for an order of 1234 says so, for the core to flag": paymentNoticed({ amountFen: 1_234 }),
  "a notice of 1233 fen for an order of 1234 says so, for the core to flag": paymentNoticed({ amountFen: 1_234 }),
  "a notice of 1235 fen for an order of 1234 says so, for the core to flag": paymentNoticed({ amountFen: 1_234 }),
  "a notice of 123400 fen for an order of 1234 says so, for the core to flag": paymentNoticed({ amountFen: 1_234 }),
  "a notice in another currency says so, for the core to flag": paymentNoticed({ currency: "CNY" }),
  "a notice names the order that it is about, not the last one": inChannel(() => {
    let last: string | undefined
    return ({ readNotice }) => ({
      readNotice: (raw: RawNotice) =>
        Effect.map(readNotice(raw), (notice) => {
          last ??= notice.orderNo
          return { ...notice, orderNo: last }
        })
    })
  }),
  "a notice of a status that is no payment is news, and pays nothing": noticed((notice) =>
    notice.kind === "news" ? { kind: "payment", orderNo: notice.orderNo, payment: anyPayment } : notice
  ),
  "a notice without its receiver is asked about and settles nothing by itself": readsAsOurs(false),
  "another merchant's notice settles nothing": readsAsOurs(true),
  "notices may come in any order: paid, waiting, paid says the same of each": inChannel(() => {
    let first: Notice | undefined
    return ({ readNotice }) => ({
      readNotice: (raw: RawNotice) =>
        Effect.map(readNotice(raw), (notice) => {
          first ??= notice
          return first
        })
    })
  }),
  "a body that is no notice at all is refused, never a crash": stateless(({ readNotice }) => ({
    readNotice: (raw: RawNotice) => {
      JSON.parse(textOf(raw))
      return readNotice(raw)
    }
  })),
  "names like __proto__ in a notice do no harm": trustsNotices,

  "a refund of a part ends with exactly that part, by its own number": stateless(({ refund }) => ({
    refund: (request: Parameters<All["refund"]>[0]) =>
      Effect.map(refund(request), (state) => ({ ...state, refundFen: request.charge.amountFen }))
  })),
  "a refund of the whole amount ends with the whole amount": stateless(({ refund }) => ({
    refund: (request: Parameters<All["refund"]>[0]) => refund({ ...request, refundFen: request.refundFen - 1 })
  })),
  "a refund that is sent again refunds once": stateless(({ refund }) => ({
    refund: (request: Parameters<All["refund"]>[0]) => refund({ ...request, refundNo: request.refundNo + random() }),
    queryRefund: () => Effect.succeed({ state: "pending" })
  })),
  "a refund of more than was paid is never refunded": refundSays({
    state: "refunded",
    refundFen: 1,
    channelRefundNo: "R"
  }),
  "a paid order stays paid after a refund: refunds are the core's to know": inChannel(() => {
    let refunded = false
    return ({ query, refund }) => ({
      refund: (request: Parameters<All["refund"]>[0]) => {
        refunded = true
        return refund(request)
      },
      query: (charge: Parameters<All["query"]>[0]) => (refunded ? Effect.succeed({ state: "closed" }) : query(charge))
    })
  }),
  "a refund that the provider has never heard of is not refunded": refundSays({
    state: "refunded",
    refundFen: 1,
    channelRefundNo: "R"
  }),
  "a refund that the provider answers with 'not now' is uncertain": refundRejects,
  "a refund's answer signed with a key that nobody knows is uncertain": stateless(({ refund }, account) => ({
    refund: (request: Parameters<All["refund"]>[0]) => trusting(account)(refund(request))
  })),
  "a refund's query that gets garbage says nothing": stateless(({ queryRefund }) => ({
    queryRefund: (refund: Parameters<All["queryRefund"]>[0]) =>
      says({ state: "failed", reason: "no answer" })(queryRefund(refund))
  })),

  "the login page is an absolute URL that carries the state and the way back": login((payer) => ({
    authorizeUrl: (to: Parameters<All["payer"]["authorizeUrl"]>[0]) => payer.authorizeUrl({ ...to, state: "S" })
  })),
  "a fresh code names the payer, the same one every time": login(() => ({
    identify: () => Effect.sync(() => ({ openid: random() }))
  })),
  "a code that was used already names nobody": login(({ identify }) => {
    return { identify: (given: Parameters<typeof identify>[0]) => says({ openid: "o1" })(identify(given)) }
  }),
  "a code that nobody issued names nobody": login(() => ({ identify: () => Effect.succeed({ openid: "o1" }) })),
  "a payer whom the provider does not know is refused as such, and another payer is charged under the same number":
    charges((request, { charge }) =>
      Effect.mapError(charge(request), (error) =>
        error._tag === "ChannelRejected" ? new ChannelRejected({ reason: error.reason }) : error
      )
    ),
  "a login that meets a fault names nobody": login(({ identify }) => ({
    identify: (given: Parameters<typeof identify>[0]) => says({ openid: "" })(identify(given))
  })),
  "a bill is a file of bytes with a name that can be saved anywhere": stateless(() => ({
    downloadBill: () => Effect.succeed({ fileName: "../../etc/passwd", content: new Uint8Array() })
  })),
  "a bill that meets a fault is no bill": stateless(({ downloadBill }) => ({
    downloadBill: (asked: Parameters<All["downloadBill"]>[0]) =>
      says({ fileName: "empty.csv", content: new Uint8Array() })(downloadBill(asked))
  })),

  "the kit knows the account's secrets: at least one field is one": {
    ...inProvider(({ open, egress }) => ({
      account: Schema.Struct({ word: Schema.RedactedFromValue(Schema.String), url: Schema.URLFromString }),
      egress: (account: { url: URL }, gateway: never) => egress({ ...account } as unknown as TinyAccount, gateway),
      open: (account: { word: Redacted.Redacted<string>; url: URL }, gateway: never) =>
        open({ merchant: "m1", secret: account.word, url: account.url }, gateway)
    })),
    simulator: (simulator) => ({
      ...simulator,
      account: { word: simulator.account.secret, url: simulator.account.url }
    })
  },
  "no secret shows in an error, whatever went wrong": charges((request, { charge }, account) =>
    Effect.mapError(charge(request), () => new ChannelUncertain({ why: "unreadable", detail: secretOf(account) }))
  ),
  "no secret shows in a refused notice's reason": stateless(({ readNotice }, account) => ({
    readNotice: (raw: RawNotice) =>
      Effect.mapError(readNotice(raw), () => new NoticeRefused({ why: "bad-signature", detail: secretOf(account) }))
  })),
  "no secret shows in what the core records of an order's calls": withBareSecret(({ charge }, account) => ({
    charge: (request: Parameters<All["charge"]>[0]) => charge({ ...request, description: secretOf(account) })
  })),
  "no secret stands in the URL of an order's calls": charges((request, { charge }, account) =>
    over(charge(request), (asked, send) => send({ ...asked, url: `${asked.url}?key=${secretOf(account)}` }))
  ),
  "no secret shows when the opened account, its channel or its provider is inspected or made JSON of": stateless(
    (_channel, account) => ({ session: { key: secretOf(account) } })
  ),
  "no secret stands in what is stored of an order: its reference and what the payer is shown": stateless(
    (_channel, account) => ({ reference: () => ({ key: secretOf(account) }) })
  ),
  "no secret stands in a reply to a notice": stateless(({ replies }, account) => ({
    replies: { ...replies, accepted: { ...replies.accepted, body: secretOf(account) } }
  })),
  "a channel writes nothing to the console": charges((request, { charge }) => {
    console.log(request.orderNo)
    return charge(request)
  }),

  "a channel that throws is an uncertain order to the core, and the next order is served": charges(() => {
    throw new Error("a bug")
  }),
  "a channel whose effect dies is an uncertain order to the core, and the next order is served": charges(() =>
    Effect.die(new Error("a bug"))
  ),
  "twenty orders at once, every other one in trouble, are charged or uncertain each for itself": inChannel(() => {
    let busy = false
    return ({ charge }) => ({
      charge: (request: Parameters<All["charge"]>[0]) => {
        if (busy) return Effect.fail(new ChannelUncertain({ why: "connection", detail: "busy" }))
        busy = true
        return Effect.ensuring(
          charge(request),
          Effect.sync(() => {
            busy = false
          })
        )
      }
    })
  }),
  "an act that is given up in the middle leaves the channel working": inChannel(() => {
    let busy = false
    return ({ charge }) => ({
      charge: (request: Parameters<All["charge"]>[0]) => {
        if (busy) return Effect.fail(new ChannelUncertain({ why: "connection", detail: "busy" }))
        busy = true
        return Effect.tap(charge(request), () =>
          Effect.sync(() => {
            busy = false
          })
        )
      }
    })
  }),
  "answers that nobody would think of are no reason to crash": charges((request, { charge }) =>
    over(charge(request), (asked, send) =>
      Effect.tap(send(asked), ({ body }) => Effect.sync(() => JSON.parse(Buffer.from(body).toString()).order.length))
    )
  ),
  "a hundred questions about other orders at once do not change the answer about a paid one": inChannel(() => {
    let asked = 0
    return ({ query }) => ({
      query: (charge: Parameters<All["query"]>[0]) =>
        asked++ < 50 ? query(charge) : Effect.succeed({ state: "pending" })
    })
  }),

  ...Object.fromEntries(
    Object.values(WIRE_FAULTS).flatMap(({ says: words }) => [
      [`a charge that ${words} is uncertain, and the query tells the truth later`, rejectsWhatIsUncertain],
      [`a query that ${words} says nothing of a paid order`, shrugs("absent")],
      [`a close that ${words} closes nothing`, closesAnyway],
      [`a refund that ${words} is uncertain`, refundRejects]
    ])
  )
}
