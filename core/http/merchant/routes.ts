import type { Effect, Exit } from "effect"
import { channelList, type ListedChannel } from "../../cashier/channel-list.ts"
import { jsapiPayInfo } from "../../cashier/pay-info.ts"
import { payStateOf } from "../../cashier/pay-state.ts"
import { orderQuery } from "../../cashier/query.ts"
import { type CashierError, MalformedRequest } from "../../domain/errors.ts"
import { type OrderStatus, STATUS_TEXT } from "../../domain/order.ts"
import type { Parameters } from "../../domain/parameters.ts"
import { isJsonType, readBody } from "../body.ts"
import type { Call, GatewayServices, Handler, Route, Run } from "../edge.ts"
import { envelope, errorResponse, frameworkError, respond } from "../envelope.ts"
import { parseFlatJson } from "../flat-json.ts"
import type { Bilingual, Language } from "../web/language.ts"
import type { SignedCall } from "./admit.ts"
import { FRAMEWORK, OK, ORDERED } from "./messages.ts"
import { qrcodePay } from "./qrcode-pay.ts"
import { wechatJsPay } from "./wechat-js-pay.ts"

/** The merchant API under `/api/cashier` (contract.md). No business rule lives here. */
export const cashierRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "POST", path: "/api/cashier/qrcode-pay", handle: signed(run, qrcodePay, ORDERED) },
  { method: "POST", path: "/api/cashier/wechat-js-pay", handle: signed(run, wechatJsPay, ORDERED) },
  { method: "POST", path: "/api/cashier/order-query", handle: signed(run, orderQuery, OK, withStatusText) },
  { method: "GET", path: "/api/cashier/channels", handle: channels(run) },
  { method: "POST", path: "/api/cashier/jsapi-pay-info", handle: withCors(payInfo(run)) },
  { method: "OPTIONS", path: "/api/cashier/jsapi-pay-info", handle: preflight("POST") },
  { method: "GET", path: "/api/cashier/pay-state", handle: withCors(payState(run)) },
  { method: "OPTIONS", path: "/api/cashier/pay-state", handle: preflight("GET") }
]

/** A signed endpoint: its transport rules, its use case, and its data in the caller's language. */
const signed =
  <A>(
    run: Run,
    useCase: (call: SignedCall) => Effect.Effect<A, CashierError, GatewayServices>,
    message: Bilingual,
    write: (data: A, language: Language) => unknown = (data) => data
  ): Handler =>
  async (call) => {
    const parameters = await jsonParameters(call)
    if (parameters instanceof Response) return parameters
    const exit = await run(useCase({ parameters, clientIp: call.clientIp }), call)
    return finish(run, call, exit, (data) => envelope(call, 200, message[call.language], write(data, call.language)))
  }

/** The parameters of a JSON request, or the answer that refuses it before any check of the pipeline. */
const jsonParameters = async (call: Call): Promise<Parameters | Response> => {
  const { headers } = call.request
  const encoding = headers.get("content-encoding")
  if (!isJsonType(headers.get("content-type")) || (encoding !== null && encoding !== "")) {
    return frameworkError(call, FRAMEWORK.unsupportedMediaType)
  }
  const body = await readBody(call.request)
  if (body === "too-large") return frameworkError(call, FRAMEWORK.bodyTooLarge)
  if (typeof body === "string") return errorResponse(call, new MalformedRequest())
  return parseFlatJson(body) ?? errorResponse(call, new MalformedRequest())
}

const finish = async <A>(
  run: Run,
  call: Call,
  exit: Exit.Exit<A, CashierError>,
  success: (value: A) => Response
): Promise<Response> => {
  // Nothing to log: no second run, which costs as much as the first one's start.
  if (exit._tag === "Success") return success(exit.value)
  const answered = await run(respond(call, exit, success))
  return answered._tag === "Success" ? answered.value : frameworkError(call, FRAMEWORK.internal)
}

const withStatusText = (data: { readonly status_name: OrderStatus }, language: Language) => ({
  ...data,
  status_text: STATUS_TEXT[data.status_name][language]
})

const channels =
  (run: Run): Handler =>
  async (call) =>
    finish(run, call, await run(channelList()), (list) =>
      envelope(call, 200, OK[call.language], { channels: list.map((channel) => listed(channel, call.language)) })
    )

const listed = ({ product, live, test }: ListedChannel, language: Language) => ({
  code: product.code,
  name: language === "zh" ? product.name : product.nameEn,
  type: product.type,
  live,
  test,
  ...(product.minFen === undefined ? {} : { min_amount: product.minFen }),
  ...(product.maxFen === undefined ? {} : { max_amount: product.maxFen })
})

const payInfo =
  (run: Run): Handler =>
  async (call) => {
    const parameters = await jsonParameters(call)
    if (parameters instanceof Response) return parameters
    return finish(run, call, await run(jsapiPayInfo(parameters), call), (data) =>
      envelope(call, 200, OK[call.language], data)
    )
  }

const payState =
  (run: Run): Handler =>
  async (call) =>
    finish(run, call, await run(payStateOf(call.url.searchParams.get("token") ?? "")), (data) =>
      envelope(call, 200, OK[call.language], withStatusText(data, call.language))
    )

/** The two token endpoints are for merchants' own pages, on any origin; no other has CORS. */
const withCors =
  (handle: Handler): Handler =>
  async (call) => {
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
