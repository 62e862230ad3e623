import { Effect } from "effect"
import { checkTokenMark } from "../../cashier/pay-token.ts"
import { type PayBrowser, type PayPage, type PayVisit, payPage } from "../../cashier/pay-visit.ts"
import { Settings } from "../../config/gateway-config.ts"
import { OWN_PATHS, OwnUrl } from "../../config/own-url.ts"
import type { Order } from "../../domain/order.ts"
import { localText } from "../../domain/time.ts"
import { StoreClock } from "../../pipeline/persistence/store-clock.ts"
import { LinkKey } from "../../secrets/link-key.ts"
import type { Call, Handler, Route, Run } from "../call.ts"
import { respond } from "../respond.ts"
import { pageResponse } from "../web/document.ts"
import { namedLanguage, pageLanguage } from "../web/language.ts"
import { qrLink } from "../web/qr-code.ts"
import { factsOf, paidAtText } from "./order-facts.ts"
import { type PayView, renderPayPage } from "./page.ts"

/** `/wechat-pay-invoke.html`: what pay_url opens (contract section 6). */
export const payPageRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "GET", path: OWN_PATHS.wechatPay, handle: show(run) }
]

const show =
  (run: Run): Handler =>
  (call) => {
    const query = call.url.searchParams
    const visit = {
      token: query.get("token") ?? "",
      code: query.get("code"),
      state: query.get("state"),
      browser: browserOf(userAgent(call)),
      inSandbox: query.get("sandbox") === "1",
      again: query.get("again") === "1",
      language: namedLanguage(call)
    }
    return respond(
      run,
      call,
      Effect.flatMap(opened(call, visit), (page) => respondPage(call, visit.token, page)),
      (response) => response
    )
  }

const userAgent = (call: Call): string => call.request.headers.get("user-agent") ?? ""

/** A phone or tablet: it cannot scan a code on its own screen. */
const onPhone = (call: Call): boolean => /Mobi|Android|iPhone|iPad|HarmonyOS/i.test(userAgent(call))

/** By the words of the user agent (protocols/channels.md I, B). */
const browserOf = (agent: string): PayBrowser => {
  if (!/MicroMessenger/i.test(agent)) return "other"
  if (/wxwork/i.test(agent)) return "wecom"
  return /miniProgram/i.test(agent) ? "mini-program" : "wechat"
}

const opened = (call: Call, visit: PayVisit) =>
  Effect.andThen(checkTokenMark(visit.token, call.clientIp), payPage(visit)).pipe(
    Effect.catchTag("PayLinkExpired", () => Effect.succeed<PayPage>({ kind: "expired" }))
  )

const respondPage = Effect.fnUntraced(function* (call: Call, token: string, page: PayPage) {
  if (page.kind === "authorize") {
    return new Response(null, {
      status: 302,
      headers: { location: page.url, "cache-control": "no-store", "referrer-policy": "no-referrer" }
    })
  }
  const place = { language: pageLanguage(call), address: ownAddress(call, token) }
  const view = yield* viewOf(call, token, page)
  const headers: Record<string, string> = view.kind === "busy" ? { "retry-after": String(view.waitSeconds) } : {}
  return pageResponse(STATUS[page.kind](page), renderPayPage(view, place), { headers })
})

/** The page's address without what the login added, for the way to the other language. */
const ownAddress = (call: Call, token: string): string => {
  const kept = new URLSearchParams({ token })
  if (call.url.searchParams.get("sandbox") === "1") kept.set("sandbox", "1")
  return `${OWN_PATHS.wechatPay}?${kept}`
}

const STATUS: { readonly [K in Exclude<PayPage["kind"], "authorize">]: (page: PayPage) => number } = {
  invoke: () => 200,
  paid: () => 200,
  "open-in-wechat": () => 200,
  expired: () => 400,
  "other-payer": () => 400,
  busy: () => 429,
  unavailable: (page) => (page.kind === "unavailable" && page.uncertain ? 500 : 400)
}

const viewOf = Effect.fnUntraced(function* (call: Call, token: string, page: Exclude<PayPage, { kind: "authorize" }>) {
  switch (page.kind) {
    case "invoke":
      return {
        kind: "invoke",
        ...(yield* factsOf(page.order)),
        ...(yield* timeLeft(page.order)),
        note: page.order.note,
        jsapi: page.jsapi,
        token,
        bridgeScript: page.bridgeScript
      } satisfies PayView
    case "paid":
      return {
        kind: page.order.status === "REFUNDED" ? "refunded" : "paid",
        ...(yield* factsOf(page.order)),
        paidAt: yield* paidAtText(page.order)
      } satisfies PayView
    case "open-in-wechat": {
      const { urls } = yield* OwnUrl
      const linkKey = yield* LinkKey
      const sandboxUrl = page.sandboxUrl?.replace(urls().publicUrl, "") ?? null
      return {
        kind: "open-in-wechat",
        browser: page.browser,
        ...(yield* factsOf(page.order)),
        ...(yield* timeLeft(page.order)),
        // The image is ours whatever the public URL is called: a page may only load what is of its own origin.
        qrUrl: onPhone(call) ? null : qrLink("", linkKey, page.payUrl),
        sandboxUrl: sandboxUrl === null ? null : `${sandboxUrl}&lang=${pageLanguage(call)}`
      } satisfies PayView
    }
    case "busy":
      return { kind: "busy", waitSeconds: Math.max(1, Math.ceil(page.retryAfterMs / 1000)) } satisfies PayView
    default:
      return { kind: page.kind } satisfies PayView
  }
})

const timeLeft = Effect.fnUntraced(function* ({ expiresAt, jsapi }: Order) {
  const { nowMs } = yield* StoreClock
  const { timezone } = yield* Settings
  const payUntil = jsapi?.payUntil ?? expiresAt
  return { leftMs: Math.max(0, payUntil.getTime() - nowMs()), payBefore: localText(payUntil, timezone) }
})
