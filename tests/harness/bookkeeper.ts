import { Effect, Schema } from "effect"
import type { AnyProvider } from "../../core/cashier/opened-account.ts"
import { ChannelRejected, ChannelUncertain, NoticeRefused } from "../../core/channel/errors.ts"
import type { ChannelHttp } from "../../core/channel/http.ts"
import type {
  Channel,
  ChargeRequest,
  ChargeState,
  CloseState,
  Notice,
  Presentation
} from "../../core/channel/provider.ts"
import { CHANNEL_CODES } from "../../core/domain/channel-code.ts"
import type { Payment } from "../../core/domain/order.ts"

/* A channel in this process: its provider is a book that a test reads and writes. */

/** `silent`: nobody knows, as after a time-out. */
export type Silent = "silent"

/** The provider's book; an order that is not in it is absent. */
export interface Book {
  readonly states: Map<string, ChargeState | Silent>
  readonly charges: Array<ChargeRequest>
  /** The accounts that were charged at, in the order of `charges`. */
  readonly chargedAt: Array<string>
  /** The login codes that were exchanged. */
  readonly logins: Array<string>
  readonly queries: Array<string>
  /** Hosts that `onIdentify` may call. */
  readonly egress: Array<string>
  /** Accounts whose queries never end, and those that never get ready for a notice. */
  readonly hanging: Set<string>
  readonly unready: Set<string>
  readonly closes: Array<string>
  /** What a charge comes to. @param account the settings' name */
  onCharge: (request: ChargeRequest, account: string) => Effect.Effect<Presentation, ChannelRejected | ChannelUncertain>
  /** What a login comes to; default: code "c" is of the payer "oc". */
  onIdentify: (
    code: string
  ) => Effect.Effect<{ readonly openid: string }, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** What a close does and answers. */
  onClose: (orderNo: string) => CloseState | Silent
}

export const makeBook = (): Book => {
  const states: Book["states"] = new Map()
  return {
    states,
    charges: [],
    chargedAt: [],
    logins: [],
    queries: [],
    egress: [],
    hanging: new Set(),
    unready: new Set(),
    closes: [],
    onCharge: () => accepts,
    onIdentify: (code) => Effect.succeed({ openid: `o${code}` }),
    onClose: closesIn(states)
  }
}

/** Closes what is still pending. */
export const closesIn =
  (states: Book["states"]): Book["onClose"] =>
  (orderNo) => {
    const before = states.get(orderNo)
    if (before !== "silent" && before?.state === "pending") states.set(orderNo, { state: "closed" })
    return { state: "closed" }
  }

/** What `onCharge` may come to. */
export const accepts = Effect.succeed<Presentation>({ kind: "qrcode", content: "https://book.example.com" })
export const rejects = Effect.fail(new ChannelRejected({ reason: "closed for today" }))
export const staysSilent = Effect.fail(new ChannelUncertain({ why: "timeout" }))

const Settings = Schema.Struct({
  name: Schema.String,
  /** Whether the provider can close orders. */
  closes: Schema.Boolean
})

export const BOOKKEEPER = "bookkeeper"

/** A channel that answers from the book. */
export const bookkeeper = (book: Book): AnyProvider => ({
  id: BOOKKEEPER,
  products: (["YINSHENG_QRCODE", "alipay_pc", "wxpay_js"] as const).map((code) => ({ code, ...CHANNEL_CODES[code] })),
  account: Settings,
  egress: () => book.egress,
  open: ({ name, closes }: typeof Settings.Type) => Effect.succeed(openBook(book, name, closes))
})

const openBook = (book: Book, name: string, closes: boolean): Channel => {
  const known = <A>(answer: A | Silent): Effect.Effect<A, ChannelUncertain> =>
    answer === "silent" ? Effect.fail(new ChannelUncertain({ why: "timeout" })) : Effect.succeed(answer)

  const close: NonNullable<Channel["close"]> = ({ orderNo }) =>
    Effect.suspend(() => {
      book.closes.push(orderNo)
      return known(book.onClose(orderNo))
    })

  return {
    reference: ({ orderNo }) => ({ [name]: orderNo }),
    charge: (request) =>
      Effect.suspend(() => {
        book.charges.push(request)
        book.chargedAt.push(name)
        return book.onCharge(request, name)
      }),
    query: ({ orderNo }) =>
      Effect.suspend(() => {
        book.queries.push(orderNo)
        return book.hanging.has(name) ? Effect.never : known(book.states.get(orderNo) ?? { state: "absent" })
      }),
    ...(closes ? { close } : {}),
    prepare: Effect.suspend(() => (book.unready.has(name) ? Effect.never : Effect.void)),
    payer: {
      authorizeUrl: ({ redirectUrl, state }) =>
        `https://login.example.com/?back=${encodeURIComponent(redirectUrl)}&state=${state}`,
      identify: ({ code }) =>
        Effect.suspend(() => {
          book.logins.push(code)
          return book.onIdentify(code)
        })
    },
    readNotice: ({ headers, body }) => {
      if (headers["x-sign"] !== SIGN) return Effect.fail(new NoticeRefused({ why: "bad-signature" }))
      return decodeNotice(new TextDecoder().decode(body)).pipe(
        Effect.map(({ orderNo, payment, hint }): Notice => {
          if (hint === true) return { kind: "hint", orderNo }
          if (payment === null) return { kind: "news", orderNo }
          return { kind: "payment", orderNo, payment: { ...payment, paidAt: new Date(payment.paidAt) } }
        }),
        Effect.mapError(() => new NoticeRefused({ why: "unreadable" }))
      )
    },
    replies: {
      accepted: { status: 200, contentType: "text/plain", body: "success" },
      refused: { status: 400, contentType: "text/plain", body: "fail" }
    }
  }
}

const SIGN = "by the book"

const NoticeJson = Schema.fromJsonString(
  Schema.Struct({
    orderNo: Schema.String,
    hint: Schema.optionalKey(Schema.Boolean),
    payment: Schema.NullOr(
      Schema.Struct({
        channelTradeNo: Schema.String,
        amountFen: Schema.Number,
        currency: Schema.String,
        paidAt: Schema.String
      })
    )
  })
)
const decodeNotice = Schema.decodeUnknownEffect(NoticeJson)

/** A notice as the provider sends it. @param payment null = news that is no payment */
export const bookNotice = (orderNo: string, payment: Payment | null, sign = SIGN) => ({
  method: "POST",
  headers: { "content-type": "application/json", "x-sign": sign },
  body: new TextEncoder().encode(
    JSON.stringify({ orderNo, payment: payment && { ...payment, paidAt: timeText(payment) } })
  )
})

/** A notice that says "paid" and names no receiver. */
export const bookHint = (orderNo: string) => {
  const body = new TextEncoder().encode(JSON.stringify({ orderNo, hint: true, payment: null }))
  return { ...bookNotice(orderNo, null), body }
}

const timeText = ({ paidAt }: Payment): string => (Number.isNaN(paidAt.getTime()) ? "no time" : paidAt.toISOString())
