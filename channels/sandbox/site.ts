import { readFileSync } from "node:fs"
import { Clock, Effect, Fiber } from "effect"
import {
  type ChannelSite,
  type SiteContext,
  type SiteRequest,
  type SiteResponse,
  type StoreUnavailable,
  yuanText
} from "../../core/channel/index.ts"
import type { SandboxAccount } from "./account.ts"
import { answerApi } from "./api.ts"
import { faultsOf } from "./faults.ts"
import { tellDeclined, tellPaid } from "./notices.ts"
import { faultsPage, messagePage, tradePage, tradeView } from "./page.ts"
import { newNonce } from "./sign.ts"
import { decline, pay, paymentOf, step, type Trade, tradeOfTicket } from "./trade.ts"
import { authorize, tradeOfParams } from "./wechat.ts"

type Context = SiteContext<SandboxAccount>
type Answer = Effect.Effect<SiteResponse, StoreUnavailable>

/** The provider's side: its signed interface, the payer's pages, and a stand-in for WeChat's. All under /sandbox/. */
export const sandboxSite: ChannelSite<SandboxAccount> = (request, context) => {
  const path = request.url.pathname.slice("/sandbox/".length)
  const [first = "", second = "", third] = path.split("/")
  if (first === "api") return allow(request, "POST", () => answerApi(request, context))
  if (Object.hasOwn(assets, path)) return allow(request, "GET", () => Effect.succeed(asset(path)))
  if (path === "") return allow(request, "GET", () => Effect.succeed(faultsPage(request.language)))
  if (path === "wechat/authorize") return allow(request, "GET", () => authorizePage(request, context))
  if (path === "wechat/prepay" || path === "wechat/pay" || path === "wechat/decline") {
    return allow(request, "POST", () => sheet(request, context, second))
  }
  if (first === "pay" && third === undefined) {
    return request.method === "POST"
      ? submit(request, context, second)
      : allow(request, "GET, POST", () => show(request, context, second))
  }
  if (first === "pay" && third === "state" && path.split("/").length === 3) {
    return allow(request, "GET", () => state(context, second))
  }
  return Effect.succeed(messagePage(404, request.language, "missing"))
}

/** The payer's page. */
const show = (request: SiteRequest, context: Context, ticket: string): Answer =>
  Effect.gen(function* () {
    const { language } = request
    const nowMs = yield* Clock.currentTimeMillis
    const trade = yield* tradeOfTicket(context.facts, context.account.signingKey, ticket, nowMs)
    if (trade === null) return messagePage(404, language, "unknown")
    const stalled = request.url.searchParams.get("done") === "stalled"
    const faults = faultsOf(context.account.faults, trade.amountFen)
    return tradePage({ language, ticket, trade, faults, nowMs, stalled })
  })

/** The page's buttons, a plain form: see other, back to the page. */
const submit = (request: SiteRequest, context: Context, ticket: string): Answer =>
  Effect.gen(function* () {
    const { language } = request
    const action = new URLSearchParams(Buffer.from(request.body).toString("utf8")).get("action")
    const nowMs = yield* Clock.currentTimeMillis
    const trade = yield* tradeOfTicket(context.facts, context.account.signingKey, ticket, nowMs)
    if (trade === null) return messagePage(404, language, "unknown")
    if (action === "pay") yield* payTrade(context, trade, nowMs)
    else if (action === "decline") yield* declineTrade(context, trade, nowMs)
    else if (action !== "stall") return messagePage(400, language, "unknown")
    const back = new URLSearchParams({ lang: language, ...(action === "stall" ? { done: "stalled" } : {}) })
    const location = `/sandbox/pay/${ticket}?${back}`
    return { status: 303, headers: { location, "cache-control": "no-store" }, body: "" }
  })

/** What pay.js asks every other second. */
const state = (context: Context, ticket: string): Answer =>
  Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    const trade = yield* tradeOfTicket(context.facts, context.account.signingKey, ticket, nowMs)
    return trade === null ? json(404, { view: "unknown" }) : json(200, { view: tradeView(trade) })
  })

/** What bridge.js asks with the parameters that the page gave it: what is to be paid, then how it ended. */
const sheet = (request: SiteRequest, context: Context, action: string): Answer =>
  Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    const found = yield* tradeOfParams(context, request.body, nowMs)
    if (found === null) return json(400, { view: "unknown" })
    const trade =
      action === "pay"
        ? yield* payTrade(context, found, nowMs)
        : action === "decline"
          ? yield* declineTrade(context, found, nowMs)
          : found
    return json(200, { view: tradeView(trade), yuan: yuanText(trade.amountFen), description: trade.description })
  })

const authorizePage = (request: SiteRequest, context: Context): Answer =>
  Effect.map(authorize(request, context), (answer) =>
    "wrong" in answer ? messagePage(400, request.language, "authorize", answer.wrong) : answer
  )

// Two clicks, two windows, a close at the same moment: the book takes one of them, and only its winner tells the gateway.
const payTrade = (context: Context, trade: Trade, nowMs: number): Effect.Effect<Trade, StoreUnavailable> =>
  Effect.gen(function* () {
    const payer = newNonce()
    const faults = faultsOf(context.account.faults, trade.amountFen)
    const payment = paymentOf(trade, faults, nowMs)
    const now = yield* step(context.facts, trade.orderNo, pay(payment, payer, nowMs))
    // In a fiber of its own: a payer who closes the window has paid all the same.
    if (now.paidBy === payer) yield* Fiber.join(yield* Effect.forkDetach(tellPaid(context, now, payment, faults)))
    return now
  })

const declineTrade = (context: Context, trade: Trade, nowMs: number): Effect.Effect<Trade, StoreUnavailable> =>
  Effect.gen(function* () {
    const now = yield* step(context.facts, trade.orderNo, decline(nowMs))
    if (trade.state === "pending" && now.state === "failed") yield* tellDeclined(context, now)
    return now
  })

const allow = (request: SiteRequest, methods: string, answer: () => Answer): Answer =>
  methods.split(", ").includes(request.method === "HEAD" ? "GET" : request.method)
    ? answer()
    : Effect.succeed({ ...messagePage(405, request.language, "method"), allow: methods })

const file = (name: string): string => readFileSync(new URL(`./assets/${name}`, import.meta.url), "utf8")

const assets = {
  "pay.css": { type: "text/css", body: file("pay.css") },
  "pay.js": { type: "text/javascript", body: file("pay.js") },
  "icon.svg": { type: "image/svg+xml", body: file("icon.svg") },
  "wechat/bridge.js": { type: "text/javascript", body: file("bridge.js") }
}

const asset = (path: string): SiteResponse => {
  const { type, body } = assets[path as keyof typeof assets]
  const headers = {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "public, max-age=60",
    "x-content-type-options": "nosniff"
  }
  return { status: 200, headers, body }
}

const json = (status: number, value: object): SiteResponse => ({
  status,
  headers: { "content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff" },
  body: JSON.stringify(value)
})
