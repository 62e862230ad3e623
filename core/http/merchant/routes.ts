import type { Effect } from "effect"
import { channelList } from "../../cashier/channel-list.ts"
import type { CashierError } from "../../domain/errors.ts"
import type { Bilingual, Language } from "../../domain/language.ts"
import type { BodyHandler, Call, GatewayServices, Handler, Route, Run } from "../call.ts"
import { envelope } from "../envelope.ts"
import { readJson } from "../read-json.ts"
import { respond } from "../respond.ts"
import type { SignedCall } from "./admit.ts"
import { channelView } from "./channel-view.ts"
import { orderQuery, orderQueryData } from "./order-query.ts"
import { qrcodePay } from "./qrcode-pay.ts"
import { OK, ORDERED } from "./success-messages.ts"
import { jsapiPayInfo, payStateData, payStateOf } from "./token-calls.ts"
import { wechatJsPay } from "./wechat-js-pay.ts"

/** The routes of the merchant API under `/api/cashier` (contract.md), without business rules. */
export const merchantRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "POST", path: "/api/cashier/qrcode-pay", body: "json", handle: signed(run, qrcodePay, ORDERED) },
  { method: "POST", path: "/api/cashier/wechat-js-pay", body: "json", handle: signed(run, wechatJsPay, ORDERED) },
  {
    method: "POST",
    path: "/api/cashier/order-query",
    body: "json",
    handle: signed(run, orderQuery, OK, orderQueryData)
  },
  { method: "GET", path: "/api/cashier/channels", handle: channels(run) }
]

/** The calls of a merchant's own page, which the payer's browser makes. */
export const payerCallRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "POST", path: "/api/cashier/jsapi-pay-info", body: "json", handle: withCors(payInfo(run)) },
  { method: "OPTIONS", path: "/api/cashier/jsapi-pay-info", handle: preflight("POST") },
  { method: "GET", path: "/api/cashier/pay-state", handle: withCors(state(run)) },
  { method: "OPTIONS", path: "/api/cashier/pay-state", handle: preflight("GET") }
]

/**
 * The handler of a signed endpoint.
 * @param door takes the call and returns the endpoint's data
 * @param write the data as the envelope's `data`, in the caller's language
 */
const signed =
  <A>(
    run: Run,
    door: (call: SignedCall) => Effect.Effect<A, CashierError, GatewayServices>,
    message: Bilingual,
    write: (data: A, language: Language) => unknown = (data) => data
  ): BodyHandler =>
  async (call) => {
    const parameters = readJson(call)
    if (parameters instanceof Response) return parameters
    return respond(run, call, door({ parameters, clientIp: call.clientIp }), (data) =>
      envelope(call, 200, message[call.language], write(data, call.language))
    )
  }

const channels =
  (run: Run): Handler =>
  (call) =>
    respond(run, call, channelList(), (list) =>
      envelope(call, 200, OK[call.language], { channels: list.map((channel) => channelView(channel, call.language)) })
    )

const payInfo =
  (run: Run): BodyHandler =>
  async (call) => {
    const parameters = readJson(call)
    if (parameters instanceof Response) return parameters
    return respond(run, call, jsapiPayInfo(parameters, call.clientIp), (data) =>
      envelope(call, 200, OK[call.language], data)
    )
  }

const state =
  (run: Run): Handler =>
  (call) =>
    respond(run, call, payStateOf(call.url.searchParams.get("token") ?? "", call.clientIp), (order) =>
      envelope(call, 200, OK[call.language], payStateData(order, call.language))
    )

/** Allows any origin: merchants' own pages call the two token endpoints. No other endpoint has CORS. */
const withCors =
  <C extends Call>(handle: (call: C) => Promise<Response>) =>
  async (call: C): Promise<Response> => {
    const response = await handle(call)
    response.headers.set("access-control-allow-origin", "*")
    response.headers.set("access-control-expose-headers", "retry-after, x-request-id")
    return response
  }

const preflight =
  (method: string): Handler =>
  async () =>
    new Response(null, {
      status: 204,
      headers: {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": method,
        "access-control-allow-headers": "content-type, accept-language",
        "access-control-max-age": "86400"
      }
    })
