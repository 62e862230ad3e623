import { randomUUID } from "node:crypto"
import { Cause, Clock, Effect, Exit, Redacted } from "effect"
import { amountsOf } from "../../cashier/query.ts"
import { OWN_RECEIVER_PATH, Settings } from "../../cashier/settings.ts"
import { MalformedRequest, OrderNotFound } from "../../domain/errors.ts"
import { signingSecret } from "../../domain/merchant.ts"
import { isOrderNo } from "../../domain/order-no.ts"
import { signedPairs } from "../../domain/parameters.ts"
import { canonicalString, hmacSha256, sameDigest } from "../../domain/signature.ts"
import { localText } from "../../domain/time.ts"
import { DEMO_BOOK } from "../../operator/first-start.ts"
import { type KnownMerchant, MerchantDirectory } from "../../pipeline/auth/merchant-directory.ts"
import type { WebhookRow } from "../../pipeline/persistence/outbox.ts"
import { Persistence } from "../../pipeline/persistence/persistence.ts"
import { Throttle } from "../../pipeline/throttle/throttle.ts"
import { isJsonType, readBody } from "../body.ts"
import type { Call, GatewayServices, Handler, Route, Run } from "../edge.ts"
import { errorResponse, frameworkError, internalError } from "../envelope.ts"
import { parseFlatJson } from "../flat-json.ts"
import { FRAMEWORK } from "../merchant/messages.ts"
import { pageResponse } from "../web/document.ts"
import { pageLanguage } from "../web/language.ts"
import { renderDemoPage } from "./page.ts"

/*
 * `/demo`: the gateway as its own first merchant. It places real signed orders over HTTP as the test merchant that the
 * first start made, and receives that merchant's webhooks. Disabling the merchant (`payhub merchant disable`) takes the
 * page away.
 */
export const demoRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "GET", path: "/", handle: answer(run, () => Effect.succeed(redirect("/demo"))) },
  { method: "GET", path: "/demo", handle: answer(run, page) },
  { method: "POST", path: "/demo/order", handle: answer(run, placeDemoOrder) },
  { method: "GET", path: "/demo/state", handle: answer(run, demoState) },
  { method: "POST", path: OWN_RECEIVER_PATH, handle: answer(run, receiveWebhook) }
]

type DemoAct = (call: Call, demo: KnownMerchant) => Effect.Effect<Response, unknown, GatewayServices>

const answer =
  (run: Run, act: DemoAct): Handler =>
  async (call) => {
    const exit = await run(
      Effect.gen(function* () {
        const demo = yield* demoMerchant
        return demo === null ? frameworkError(call, FRAMEWORK.notFound) : yield* act(call, demo)
      }).pipe(Effect.catchCause((cause) => internalError(call, cause)))
    )
    return exit._tag === "Success" ? exit.value : frameworkError(call, FRAMEWORK.internal)
  }

const demoMerchant = Effect.gen(function* () {
  const { book } = yield* Persistence
  const directory = yield* MerchantDirectory
  const { config } = yield* Settings
  if (!config.demo) return null
  const entry = yield* book.get(...DEMO_BOOK)
  const known = typeof entry?.app_id === "string" ? yield* directory.byAppId(entry.app_id) : null
  return known?.merchant.active && known.merchant.mode === "test" ? known : null
})

const page: DemoAct = (call, { merchant }) =>
  Effect.map(Settings, ({ urls }) => {
    const view = { appId: merchant.appId, baseUrl: urls().publicUrl, swaggerUrl: "/swagger" }
    return pageResponse(200, renderDemoPage(view, pageLanguage(call)))
  })

/** Signs as the demo's merchant and calls the API over HTTP, as every merchant does. */
const placeDemoOrder: DemoAct = (call, demo) =>
  Effect.gen(function* () {
    const { urls, ownReceiver } = yield* Settings
    const throttle = yield* Throttle
    // Only the page itself may ask: another site's form cannot send JSON, nor a script across origins.
    if (!isJsonType(call.request.headers.get("content-type")))
      return frameworkError(call, FRAMEWORK.unsupportedMediaType)
    const admitted = yield* Effect.exit(throttle.takeKey(`demo:${call.clientIp}`, { count: 10, windowMs: 10_000 }))
    const refused = Exit.isFailure(admitted) ? admitted.cause.reasons.find(Cause.isFailReason) : undefined
    if (refused !== undefined) return errorResponse(call, refused.error)
    const body = yield* Effect.promise(() => readBody(call.request))
    const asked = typeof body === "string" ? undefined : parseFlatJson(body)
    const secret = yield* demoSecret(demo)
    if (asked === undefined) return errorResponse(call, new MalformedRequest())
    const path = asked.get("way")?.text === "jsapi" ? "/api/cashier/wechat-js-pay" : "/api/cashier/qrcode-pay"
    const nowMs = yield* Clock.currentTimeMillis
    const fields: Record<string, string | number> = {
      app_id: demo.merchant.appId,
      timestamp: Math.floor(nowMs / 1000),
      nonce: randomUUID().replaceAll("-", ""),
      merchant_order_no: `DEMO${nowMs}${randomUUID().slice(0, 4).toUpperCase()}`,
      amount: Number(asked.get("amount_fen")?.text ?? 0),
      notify_url: ownReceiver(),
      extra: "demo"
    }
    const note = asked.get("note")?.text ?? ""
    if (note !== "") fields.note = note
    const pairs = Object.entries(fields).map(([key, value]) => [key, String(value)] as const)
    const text = JSON.stringify({ ...fields, sign: hmacSha256(secret, canonicalString(pairs)) })
    const headers = { "content-type": "application/json", "accept-language": call.language }
    const response = yield* Effect.promise(async () => {
      const answered = await fetch(urls().localUrl + path, { method: "POST", headers, body: text })
      return { status: answered.status, body: await answered.text() }
    })
    return json({
      request: { method: "POST", path, headers: { "content-type": "application/json" }, body: text },
      response
    })
  })

const demoState: DemoAct = (call, { merchant }) =>
  Effect.gen(function* () {
    const { orders, webhooks } = yield* Persistence
    const { config } = yield* Settings
    const orderNo = call.url.searchParams.get("order_no") ?? ""
    const order = isOrderNo(orderNo) ? yield* orders.find({ merchantId: merchant.id, orderNo }) : null
    if (order === null) return yield* new OrderNotFound()
    const [row] = yield* webhooks.list({ orderNo, limit: 1 })
    const timeline = yield* orders.timeline(order)
    return json({
      order: {
        order_no: order.orderNo,
        status_name: order.status,
        ...amountsOf(order),
        pay_time: order.paidAt === null ? null : localText(order.paidAt, config.timezone)
      },
      timeline: timeline.map(({ at, kind, detail }) => ({ at: at.toISOString(), kind, detail })),
      webhook: row === undefined ? null : webhookState(row)
    })
  }).pipe(Effect.catchTag("OrderNotFound", () => Effect.succeed(frameworkError(call, FRAMEWORK.notFound))))

const webhookState = (row: WebhookRow) => ({
  event_id: row.eventId,
  url: row.url,
  body: row.body,
  attempts: row.history.map(({ attempt, at, status, detail, durationMs }) => ({
    attempt,
    at: at.toISOString(),
    status,
    detail,
    duration_ms: durationMs
  })),
  state: row.state,
  // The receiver below says `success` only to a signature that verifies.
  verified: row.state === "delivered"
})

/** The merchant's side: verify the signature over what arrived, then say `success`. */
const receiveWebhook: DemoAct = (call, demo) =>
  Effect.gen(function* () {
    const body = yield* Effect.promise(() => readBody(call.request))
    const parameters = typeof body === "string" ? undefined : parseFlatJson(body)
    if (parameters === undefined) return text(400, "malformed")
    const expected = hmacSha256(yield* demoSecret(demo), canonicalString(signedPairs(parameters)))
    const genuine = sameDigest(expected, parameters.get("sign")?.text ?? "")
    return genuine ? text(200, "success") : text(401, "signature does not verify")
  })

const demoSecret = (demo: KnownMerchant) =>
  Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
    const live = signingSecret(demo.secrets, nowMs)
    return live === undefined
      ? Effect.die(new Error("the demo's merchant has no live secret"))
      : Effect.succeed(Redacted.value(live.secret))
  })

const json = (value: unknown): Response =>
  new Response(JSON.stringify(value), {
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" }
  })

const redirect = (location: string): Response => new Response(null, { status: 302, headers: { location } })

const text = (status: number, words: string): Response =>
  new Response(words, { status, headers: { "content-type": "text/plain; charset=utf-8" } })
