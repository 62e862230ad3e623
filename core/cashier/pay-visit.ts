import { Effect } from "effect"
import type { JsapiParams } from "../channel/provider.ts"
import { OwnUrl } from "../config/own-url.ts"
import type {
  ChannelUnavailable,
  ChargeUncertain,
  OtherPayer,
  Overloaded,
  PayLinkExpired,
  StoreUnavailable,
  ThrottleExceeded
} from "../domain/errors.ts"
import type { Language } from "../domain/language.ts"
import type { Order } from "../domain/order.ts"
import { sameDigest } from "../domain/signature.ts"
import { Charges } from "../pipeline/persistence/charges.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { LinkKey, linkMac } from "../secrets/link-key.ts"
import { Channels } from "./channels.ts"
import { chargeForPayer, jsapiParams, type LoginCodeRefused, type PayerProof } from "./pay-info.ts"
import { isPayable, orderOfToken } from "./pay-token.ts"

/**
 * What opened the pay page. WeCom (企业微信) calls itself WeChat but cannot log payers in; a mini-program's web-view logs
 * them in but has no payment bridge.
 */
export type PayBrowser = "wechat" | "wecom" | "mini-program" | "other"

/** How the pay page was opened. */
export interface PayVisit {
  readonly token: string
  /** The login code and the state that the authorize page sent the payer back with. */
  readonly code: string | null
  readonly state: string | null
  readonly browser: PayBrowser
  /** The payer of a test order chose to pay in the sandbox, without WeChat. */
  readonly inSandbox: boolean
  /** The payer has passed the authorize page a second time, because the first code was refused. */
  readonly again: boolean
  /** The language that the payer chose, which the way through the login keeps. */
  readonly language: Language | undefined
}

/** What the payer is shown (contract section 6, "pay_url"). */
export type PayPage =
  | {
      readonly kind: "invoke"
      readonly order: Order
      readonly jsapi: JsapiParams
      readonly bridgeScript: string | null
    }
  | { readonly kind: "paid"; readonly order: Order }
  | { readonly kind: "expired" }
  | { readonly kind: "other-payer" }
  | { readonly kind: "unavailable"; readonly uncertain: boolean }
  | {
      readonly kind: "open-in-wechat"
      readonly browser: Exclude<PayBrowser, "wechat">
      readonly order: Order
      readonly payUrl: string
      readonly sandboxUrl: string | null
    }
  | { readonly kind: "busy"; readonly retryAfterMs: number }
  | { readonly kind: "authorize"; readonly url: string }

/**
 * Decides what a visit is shown, in the steps of the contract's section 6: in WeChat → silent OAuth while no openid is
 * known → the channel's order → the bridge. Every step can be repeated: a reload, a second tab and a repeated callback
 * reach the same order.
 */
export const payPage = Effect.fnUntraced(function* (visit: PayVisit) {
  const channels = yield* Channels
  const order = yield* orderOfToken(visit.token)
  if (order === null || order.jsapi === null) return { kind: "expired" } satisfies PayPage
  if (!isPayable(order, (yield* StoreClock).nowMs())) return overPage(order)

  const account = yield* channels.open(order.accountId)
  // A mini-program pays with wx.requestPayment, which no page can call. The sandbox's stand-in for WeChat accepts it.
  if (order.jsapi.miniProgram && account?.provider.testMode === undefined) {
    return { kind: "unavailable", uncertain: false } satisfies PayPage
  }
  const payUrl = (yield* OwnUrl).wechatPay(visit.token)
  const testMode = account?.provider.testMode
  const sandboxUrl = testMode === undefined ? null : `${payUrl}&sandbox=1`
  const { browser } = visit
  if (browser !== "wechat" && !(visit.inSandbox && sandboxUrl !== null)) {
    return { kind: "open-in-wechat", browser, order, payUrl, sandboxUrl } satisfies PayPage
  }
  const bridgeScript = testMode?.bridgeScript ?? null
  const invoke = (jsapi: JsapiParams): PayPage => ({ kind: "invoke", order, jsapi, bridgeScript })
  const bridge = (proof: PayerProof) => Effect.map(chargeForPayer(order, proof), invoke)

  // What was charged already is only shown again: no act that the token's budget or a stopped account could refuse.
  const shown = jsapiParams(order.presentation)
  if (shown !== undefined) return invoke(shown)
  if (order.jsapi.openid !== null) return yield* orFailurePage(visit, bridge({ openid: order.jsapi.openid }))
  if (visit.code !== null && visit.code !== "" && (yield* hasOwnState(visit))) {
    return yield* orFailurePage(
      visit,
      bridge({ code: visit.code }).pipe(Effect.catchTag("LoginCodeRefused", () => codeRefused(visit, order, bridge)))
    )
  }
  return yield* authorize(visit, order, false)
})

/** Whether the OAuth state was made for this token, so that a login begun elsewhere is not used here. */
const hasOwnState = Effect.fnUntraced(function* ({ token, state }: PayVisit) {
  const linkKey = yield* LinkKey
  return state !== null && sameDigest(linkMac(linkKey, "oauth-state", token), state)
})

/**
 * Answers a refused login code. WeChat may call back twice with one code: the second call finds the payer that the
 * first has bound. A code that is merely old (a reload of a stale page) is requested again, once.
 */
const codeRefused = <E, R>(
  visit: PayVisit,
  order: Order,
  bridge: (proof: { readonly openid: string }) => Effect.Effect<PayPage, E, R>
) =>
  Effect.gen(function* () {
    const bound = (yield* orderOfToken(visit.token))?.jsapi?.openid ?? null
    if (bound !== null) return yield* bridge({ openid: bound })
    if (visit.again) return { kind: "unavailable", uncertain: false } satisfies PayPage
    return yield* authorize(visit, order, true)
  })

const authorize = Effect.fnUntraced(function* (visit: PayVisit, order: Order, again: boolean) {
  const channels = yield* Channels
  const charges = yield* Charges
  const linkKey = yield* LinkKey
  const account = yield* channels.open(order.accountId)
  const payer = account?.channel.payer
  if (payer === undefined || !(yield* charges.permits(order)))
    return { kind: "unavailable", uncertain: false } satisfies PayPage
  const back = `${(yield* OwnUrl).wechatPay(visit.token)}${visit.inSandbox ? "&sandbox=1" : ""}${again ? "&again=1" : ""}${visit.language === undefined ? "" : `&lang=${visit.language}`}`
  const state = linkMac(linkKey, "oauth-state", visit.token)
  const url = payer.authorizeUrl({ redirectUrl: back, state, appId: order.jsapi?.appId ?? null })
  return { kind: "authorize", url } satisfies PayPage
})

/** Every error that can end a visit before it reaches the bridge. */
type PayFailure =
  | ChannelUnavailable
  | ChargeUncertain
  | LoginCodeRefused
  | OtherPayer
  | Overloaded
  | PayLinkExpired
  | StoreUnavailable
  | ThrottleExceeded

/** The page of an order that cannot be paid any more: a paid one shows that it is paid, so that nobody pays twice. */
const overPage = (order: Order | null): PayPage =>
  order !== null && (order.status === "PAID" || order.status === "REFUNDED")
    ? { kind: "paid", order }
    : { kind: "expired" }

/** Turns an error before the bridge into a page. */
const orFailurePage = <R>(visit: PayVisit, page: Effect.Effect<PayPage, PayFailure, R>) =>
  page.pipe(
    Effect.catchTags({
      OtherPayer: () => Effect.succeed<PayPage>({ kind: "other-payer" }),
      ChannelUnavailable: () => Effect.succeed<PayPage>({ kind: "unavailable", uncertain: false }),
      Overloaded: () => Effect.succeed<PayPage>({ kind: "unavailable", uncertain: false }),
      LoginCodeRefused: () => Effect.succeed<PayPage>({ kind: "unavailable", uncertain: false }),
      ChargeUncertain: () => Effect.succeed<PayPage>({ kind: "unavailable", uncertain: true }),
      // The order may have been paid meanwhile in another tab.
      PayLinkExpired: () =>
        orderOfToken(visit.token).pipe(
          Effect.catch(() => Effect.succeed(null)),
          Effect.map(overPage)
        ),
      ThrottleExceeded: ({ retryAfterMs }) => Effect.succeed<PayPage>({ kind: "busy", retryAfterMs })
    })
  )
