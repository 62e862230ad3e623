import { Effect } from "effect"
import { checkTokenMark } from "../../cashier/pay-token.ts"
import { type PayBrowser, type PayPage, type PayVisit, payPage } from "../../cashier/pay-visit.ts"
import { OWN_PATHS, OwnUrl } from "../../config/own-url.ts"
import type { Order } from "../../domain/order.ts"
import { MerchantDirectory } from "../../pipeline/auth/merchant-directory.ts"
import { LinkKey } from "../../secrets/link-key.ts"
import type { Call, Handler, Route, Run } from "../call.ts"
import { respond } from "../respond.ts"
import { pageResponse } from "../web/document.ts"
import { pageLanguage } from "../web/language.ts"
import { qrLink } from "../web/qr-code.ts"
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
      browser: browserOf(call.request.headers.get("user-agent") ?? ""),
      inSandbox: query.get("sandbox") === "1",
      again: query.get("again") === "1"
    }
    return respond(
      run,
      call,
      Effect.flatMap(opened(call, visit), (page) => respondPage(call, visit.token, page)),
      (response) => response
    )
  }

/** By the words of the user agent (protocols/channels.md I, B). */
const browserOf = (userAgent: string): PayBrowser => {
  if (!/MicroMessenger/i.test(userAgent)) return "other"
  if (/wxwork/i.test(userAgent)) return "wecom"
  return /miniProgram/i.test(userAgent) ? "mini-program" : "wechat"
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
  const view = yield* viewOf(token, page)
  const headers: Record<string, string> = view.kind === "busy" ? { "retry-after": String(view.waitSeconds) } : {}
  return pageResponse(STATUS[page.kind](page), renderPayPage(view, pageLanguage(call)), { headers })
})

const STATUS: { readonly [K in Exclude<PayPage["kind"], "authorize">]: (page: PayPage) => number } = {
  invoke: () => 200,
  paid: () => 200,
  "open-in-wechat": () => 200,
  expired: () => 400,
  "other-payer": () => 400,
  busy: () => 429,
  unavailable: (page) => (page.kind === "unavailable" && page.uncertain ? 500 : 400)
}

const viewOf = Effect.fnUntraced(function* (token: string, page: Exclude<PayPage, { kind: "authorize" }>) {
  switch (page.kind) {
    case "invoke":
      return {
        kind: "invoke",
        ...(yield* orderFacts(page.order)),
        note: page.order.note,
        jsapi: page.jsapi,
        token,
        bridgeScript: page.bridgeScript
      } satisfies PayView
    case "paid":
      return { kind: "paid", ...(yield* orderFacts(page.order)) } satisfies PayView
    case "open-in-wechat": {
      const { urls } = yield* OwnUrl
      const linkKey = yield* LinkKey
      // The image is ours whatever the public URL is called: a page may only load what is of its own origin.
      const qrUrl = qrLink("", linkKey, page.payUrl)
      const sandboxUrl = page.sandboxUrl?.replace(urls().publicUrl, "") ?? null
      const { kind, browser } = page
      return { kind, browser, ...(yield* orderFacts(page.order)), qrUrl, sandboxUrl } satisfies PayView
    }
    case "busy":
      return { kind: "busy", waitSeconds: Math.max(1, Math.ceil(page.retryAfterMs / 1000)) } satisfies PayView
    default:
      return { kind: page.kind } satisfies PayView
  }
})

const orderFacts = Effect.fnUntraced(function* (order: Order) {
  const directory = yield* MerchantDirectory
  const known = yield* directory.byId(order.merchantId)
  return { orderNo: order.orderNo, amountFen: order.amountFen, payee: known?.merchant.name ?? "" }
})
