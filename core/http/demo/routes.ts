import { randomUUID } from "node:crypto"
import { Clock, Effect, Redacted } from "effect"
import { testFaultsPage } from "../../cashier/channel-list.ts"
import { Settings } from "../../config/gateway-config.ts"
import { OWN_PATHS, OwnUrl } from "../../config/own-url.ts"
import type { CashierError } from "../../domain/errors.ts"
import { isStrangersName } from "../../domain/host-name.ts"
import type { Bilingual } from "../../domain/language.ts"
import { signingSecret } from "../../domain/merchant.ts"
import type { Json, JsonObject } from "../../domain/order.ts"
import { isOrderNo } from "../../domain/order-no.ts"
import { signedPairs } from "../../domain/parameters.ts"
import { canonicalString, hmacSha256, sameDigest } from "../../domain/signature.ts"
import { localText } from "../../domain/time.ts"
import { DEMO_MERCHANT_FACT } from "../../operator/first-start.ts"
import { type KnownMerchant, MerchantDirectory } from "../../pipeline/auth/merchant-directory.ts"
import { ChannelFacts } from "../../pipeline/persistence/channel-facts.ts"
import { Orders } from "../../pipeline/persistence/orders.ts"
import type { WebhookRow } from "../../pipeline/persistence/outbox.ts"
import { Outbox } from "../../pipeline/persistence/outbox.ts"
import { Timeline } from "../../pipeline/persistence/timeline.ts"
import { Throttle } from "../../pipeline/throttle/throttle.ts"
import type { BodyCall, Call, GatewayServices, Route, Run } from "../call.ts"
import { envelope, frameworkError } from "../envelope.ts"
import { amountsOf } from "../merchant/order-view.ts"
import { readJson } from "../read-json.ts"
import { notFound, respond } from "../respond.ts"
import { pageResponse } from "../web/document.ts"
import { pageLanguage } from "../web/language.ts"
import { renderDemoPage } from "./page.ts"

/*
 * `/demo`: the gateway as its own first merchant. It places real signed orders over HTTP as the test merchant that the
 * first start made, and receives that merchant's webhooks. The page disappears when the merchant is disabled
 * (`payhub merchant disable`).
 */
export const demoRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "GET", path: "/", handle: front(run) },
  { method: "GET", path: "/demo", handle: answer(run, page) },
  { method: "POST", path: "/demo/order", body: "json", handle: answer(run, placeDemoOrder) },
  { method: "GET", path: "/demo/state", handle: answer(run, demoState) },
  { method: "POST", path: OWN_PATHS.demoReceiver, body: "json", handle: answer(run, receiveWebhook) }
]

/** Another site's page could reach a gateway on this machine under a name of its own (DNS rebinding). */
const ELSEWHERE = {
  code: 403,
  message: {
    zh: "演示页只能通过 IP 地址、localhost 或 PAYHUB_PUBLIC_URL 的主机名打开",
    en: "The demo opens at an IP address, at localhost and at PAYHUB_PUBLIC_URL's host only"
  }
}

/**
 * The canonical string separates parameters by `&` and `=` without escaping, so a text with either could be cut into
 * other parameters under the same signature. The demo signs what strangers write, and shows the signature.
 */
const SEPARATORS = /[&=]/
const NOTE_REFUSED: Bilingual = {
  zh: "演示订单的 note 不能包含 & 和 =",
  en: "The note of a demo order may contain neither & nor ="
}

type DemoAct<C extends Call = Call> = (
  call: C,
  demo: KnownMerchant
) => Effect.Effect<Response, CashierError, GatewayServices>

const answer =
  <C extends Call>(run: Run, act: DemoAct<C>) =>
  (call: C): Promise<Response> => {
    const acted = Effect.gen(function* () {
      const demo = yield* demoMerchant
      if (demo === null) return notFound(call)
      const { urls } = yield* OwnUrl
      const { hostname } = call.url
      if (isStrangersName(hostname) && hostname !== new URL(urls().publicUrl).hostname) {
        return frameworkError(call, ELSEWHERE)
      }
      return yield* act(call, demo)
    })
    return respond(run, call, acted, (response) => response)
  }

/** `/` leads to the demo, or where there is none to the documentation. */
const front =
  (run: Run) =>
  (call: Call): Promise<Response> =>
    respond(run, call, demoMerchant, (demo) => redirect(demo === null ? "/swagger" : "/demo"))

const demoMerchant = Effect.gen(function* () {
  const facts = yield* ChannelFacts
  const directory = yield* MerchantDirectory
  const { demo } = yield* Settings
  if (!demo) return null
  const entry = yield* facts.get(...DEMO_MERCHANT_FACT)
  const known = typeof entry?.app_id === "string" ? yield* directory.byAppId(entry.app_id) : null
  return known?.merchant.active && known.merchant.mode === "test" ? known : null
})

const page: DemoAct = (call, { merchant }) =>
  Effect.gen(function* () {
    const { urls } = yield* OwnUrl
    const faultsPage = yield* testFaultsPage
    const view = { appId: merchant.appId, baseUrl: urls().publicUrl, swaggerUrl: "/swagger", faultsPage }
    return pageResponse(200, renderDemoPage(view, pageLanguage(call)))
  })

/** Signs as the demo's merchant and calls the API over HTTP, like any merchant. */
const placeDemoOrder: DemoAct<BodyCall> = (call, demo) =>
  Effect.gen(function* () {
    const { urls, demoReceiver } = yield* OwnUrl
    const throttle = yield* Throttle
    // Only the demo page can call this: neither another site's form nor a script of another origin can send JSON here.
    const asked = readJson(call)
    if (asked instanceof Response) return asked
    yield* throttle.takeStranger("demo", call.clientIp, { count: 10, windowMs: 10_000 })
    const secret = yield* demoSecret(demo)
    const path = asked.get("way")?.text === "jsapi" ? "/api/cashier/wechat-js-pay" : "/api/cashier/qrcode-pay"
    const nowMs = yield* Clock.currentTimeMillis
    const fields: Record<string, string | number> = {
      app_id: demo.merchant.appId,
      timestamp: Math.floor(nowMs / 1000),
      nonce: randomUUID().replaceAll("-", ""),
      merchant_order_no: `DEMO${nowMs}${randomUUID().slice(0, 4).toUpperCase()}`,
      amount: Number(asked.get("amount_fen")?.text ?? 0),
      notify_url: demoReceiver(),
      extra: "demo"
    }
    const note = asked.get("note")?.text ?? ""
    if (SEPARATORS.test(note)) {
      const message = NOTE_REFUSED[call.language]
      return envelope(call, 422, message, { errors: { note: [message] } })
    }
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
    const orders = yield* Orders
    const outbox = yield* Outbox
    const { timezone } = yield* Settings
    const { demoReceiver } = yield* OwnUrl
    const orderNo = call.url.searchParams.get("order_no") ?? ""
    const order = isOrderNo(orderNo) ? yield* orders.find({ merchantId: merchant.id, orderNo }) : null
    // An order whose webhook goes elsewhere is the operator's own: the demo places none of these.
    if (order === null || order.notifyUrl !== demoReceiver()) return notFound(call)
    const [row] = yield* outbox.list({ orderNo, limit: 1 })
    const timeline = yield* (yield* Timeline).of(order)
    return json({
      order: {
        order_no: order.orderNo,
        status_name: order.status,
        ...amountsOf(order),
        pay_time: order.paidAt === null ? null : localText(order.paidAt, timezone)
      },
      timeline: timeline.map(({ at, kind, detail }) => ({
        at: at.toISOString(),
        kind,
        detail: kind === "webhook.attempt" ? withoutAnswer(detail) : detail
      })),
      webhook: row === undefined ? null : webhookState(row)
    })
  })

const webhookState = (row: WebhookRow) => ({
  event_id: row.eventId,
  url: row.url,
  body: row.body,
  attempts: row.history.map(({ attempt, at, status, detail, durationMs }) => ({
    attempt,
    at: at.toISOString(),
    status,
    detail: ownWords(status, detail),
    duration_ms: durationMs
  })),
  state: row.state,
  // The receiver below answers `success` only if the signature verifies.
  verified: row.state === "delivered"
})

/** What a push ended with, in the gateway's own words; a receiver's answer is not for strangers. */
const ownWords = (status: number | null, detail: string): string =>
  status === null || detail.trim() === "success" ? detail : ""

/** A `webhook.attempt` of the timeline without the receiver's answer. */
const withoutAnswer = (entry: Json): Json => {
  const { status = null, detail = "", ...rest } = entry as JsonObject
  return { ...rest, status, detail: ownWords(status as number | null, String(detail)) }
}

/** The merchant's side: verifies the signature over what arrived, then answers `success`. */
const receiveWebhook: DemoAct<BodyCall> = (call, demo) =>
  Effect.gen(function* () {
    const parameters = readJson(call)
    if (parameters instanceof Response) return text(400, "malformed")
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
