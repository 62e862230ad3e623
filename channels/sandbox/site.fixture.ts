import type { IncomingMessage, ServerResponse } from "node:http"
import { Clock, Context, Effect, Exit, Schema } from "effect"
import {
  type Channel,
  ChannelHttp,
  ChannelUncertain,
  type ChargeRef,
  type ChargeRequest,
  type GatewayUrls,
  type JsonObject,
  type Notice,
  type Presentation,
  type SiteAnswer,
  type SiteFacts,
  type SiteRequest
} from "../../core/channel/index.ts"
import { coreWeb } from "../../tests/harness/core-web.ts"
import { startLoopback } from "../../tests/harness/loopback.ts"
import { type Delays, SandboxDelays } from "./delays.ts"
import type { FaultSettings } from "./faults.ts"
import sandbox, { SandboxAccount } from "./index.ts"

/*
 * For tests only: a gateway that consists of the sandbox's site, its facts in memory and an address for notices, on a free
 * port of the loopback.
 */

export const ACCOUNT_ID = "acc_sandbox"

export interface ReceivedNotice {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The notice as the channel read it, or why the channel refused it. */
  readonly read: Notice | "bad-signature" | "unreadable" | "stale" | "not-ours"
}

export interface Harness {
  readonly gateway: GatewayUrls
  readonly account: SandboxAccount
  readonly channel: Channel
  readonly facts: SiteFacts
  readonly notices: ReadonlyArray<ReceivedNotice>
  /** Resolves when at least `count` notices have arrived. */
  readonly noticed: (count: number) => Promise<void>
  /** The gateway's answer to notices from now on; null = the channel's own replies. */
  replyWith: { readonly status: number; readonly body: string } | null
  /** Moves the provider's clock, not the channel's. */
  clockOffsetMs: number
  readonly run: <A, E>(effect: Effect.Effect<A, E, ChannelHttp>) => Promise<A>
  /** The error that an effect fails with. */
  readonly fail: <A, E>(effect: Effect.Effect<A, E, ChannelHttp>) => Promise<E>
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>
  /** Presses a button of the page: posts what a browser posts. */
  readonly press: (payUrl: string, action: string) => Promise<Response>
  readonly stop: () => Promise<void>
}

export interface HarnessOptions {
  readonly faults?: FaultSettings
  readonly delays?: Partial<Delays>
  /** The channel's deadline. */
  readonly deadlineMs?: number
  /** Changes an answer of the provider before the channel receives it. */
  readonly meddle?: (answer: { status: number; headers: Record<string, string>; body: Uint8Array }) => void
}

const FAST: Delays = {
  retryMs: [5, 10],
  noticeTimeoutMs: 2_000,
  lateNoticeMs: 20,
  lateChargeMs: 20,
  hangMs: 30_000,
  latePaymentMs: 10
}

export const startHarness = async (options: HarnessOptions = {}): Promise<Harness> => {
  const settings = {
    ...Schema.decodeUnknownSync(Schema.Struct({ signingKey: Schema.String }))(sandbox.testMode?.newAccount()),
    ...(options.faults === undefined ? {} : { faults: options.faults })
  }
  const account = Schema.decodeUnknownSync(SandboxAccount)(settings)
  const notices: Array<ReceivedNotice> = []
  const waiting: Array<{ readonly count: number; readonly done: () => void }> = []
  const { facts } = memoryFacts()
  const { url, close } = await startLoopback((request, response) => void serve(request, response))
  const gateway = { publicUrl: url, localUrl: url }
  const channel = Effect.runSync(sandbox.open(account, gateway))

  const liveClock = Effect.runSync(Clock.clockWith((clock) => Effect.succeed(clock)))
  const providerClock: Clock.Clock = Object.assign(Object.create(liveClock), {
    currentTimeMillisUnsafe: () => Date.now() + harness.clockOffsetMs,
    currentTimeMillis: Effect.sync(() => Date.now() + harness.clockOffsetMs)
  })
  const references = Context.make(SandboxDelays, { ...FAST, ...options.delays }).pipe(
    Context.add(Clock.Clock, providerClock)
  )

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const gone = new AbortController()
    response.on("close", () => gone.abort())
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const asked = new URL(request.url ?? "/", url)
    const given = {
      method: request.method ?? "",
      url: asked,
      headers,
      body: Buffer.concat(chunks),
      language: web.language(asked, headers)
    }
    const answer = await answerOf(given, gone.signal)
    if (answer === undefined) return
    response.writeHead(answer.status, answer.headers)
    response.end(answer.body)
  }

  const answerOf = async (given: SiteRequest, signal: AbortSignal): Promise<SiteAnswer | undefined> => {
    const path = given.url.pathname
    if (path.startsWith("/api/notice/")) return notice(given)
    const asset = web.asset(path)
    return asset === undefined ? site(given, signal) : answerWith(asset)
  }

  const notice = async (given: SiteRequest): Promise<SiteAnswer> => {
    const read = await Effect.runPromise(
      channel
        .readNotice({ method: given.method, headers: given.headers, body: given.body, receivedAt: new Date() })
        .pipe(Effect.catch((refused) => Effect.succeed(refused.why)))
    )
    if (given.url.pathname !== `/api/notice/${ACCOUNT_ID}`) return { status: 404, headers: {}, body: "" }
    notices.push({ headers: given.headers, body: Buffer.from(given.body).toString("utf8"), read })
    for (const one of waiting) if (notices.length >= one.count) one.done()
    const reply = typeof read === "string" ? channel.replies.refused : channel.replies.accepted
    return { headers: {}, ...(harness.replyWith ?? { status: reply.status, body: reply.body }) }
  }

  const site = async (given: SiteRequest, signal: AbortSignal): Promise<SiteAnswer | undefined> => {
    const context = { gateway, account, accountId: ACCOUNT_ID, facts, clientIp: "127.0.0.1" }
    if (sandbox.site === undefined) throw new Error("the sandbox has a site")
    const answering = Effect.provideContext(sandbox.site(given, context), references)
    const exit = await Effect.runPromiseExit(answering, { signal })
    if (signal.aborted) return undefined
    if (Exit.isFailure(exit)) return { status: 500, headers: {}, body: String(exit.cause) }
    return answerWith(web.respond(exit.value))
  }

  const http: ChannelHttp["Service"] = {
    send: (request) =>
      Effect.tryPromise({
        try: async (signal) => {
          const sent = typeof request.body === "string" ? request.body : Buffer.from(request.body ?? "")
          const response = await fetch(request.url, {
            method: request.method,
            headers: request.headers ?? {},
            body: sent,
            redirect: "manual",
            signal
          })
          const answer = {
            status: response.status,
            headers: Object.fromEntries(response.headers),
            body: new Uint8Array(await response.arrayBuffer())
          }
          options.meddle?.(answer)
          return answer
        },
        catch: (cause) => new ChannelUncertain({ why: "connection", detail: String(cause) })
      }).pipe(
        Effect.timeoutOrElse({
          duration: options.deadlineMs ?? 5_000,
          orElse: () => Effect.fail(new ChannelUncertain({ why: "timeout" }))
        })
      )
  }

  const harness: Harness = {
    gateway,
    account,
    channel,
    facts,
    notices,
    noticed: (count) =>
      new Promise((done) => (notices.length >= count ? done() : waiting.push({ count, done: () => done() }))),
    replyWith: null,
    clockOffsetMs: 0,
    run: (effect) => Effect.runPromise(Effect.provideService(effect, ChannelHttp, http)),
    fail: (effect) => Effect.runPromise(Effect.flip(Effect.provideService(effect, ChannelHttp, http))),
    get: (path, headers = {}) => fetch(new URL(path, url), { headers, redirect: "manual" }),
    press: (payUrl, action) =>
      fetch(payUrl, { method: "POST", body: new URLSearchParams({ action }), redirect: "manual" }),
    stop: close
  }
  return harness
}

const web = coreWeb("/sandbox/")

const answerWith = async (response: Response): Promise<SiteAnswer> => ({
  status: response.status,
  headers: Object.fromEntries(response.headers),
  body: new Uint8Array(await response.arrayBuffer())
})

let orders = 0

/** An order of its own number, 10.00 yuan by YINSHENG_QRCODE unless told otherwise. */
export const newOrder = (
  harness: Pick<Harness, "gateway">,
  given: Partial<ChargeRequest> = {}
): ChargeRequest & ChargeRef => {
  orders += 1
  const now = Date.now()
  return {
    orderNo: `QR20260315103000${String(orders).padStart(8, "0")}`,
    code: "YINSHENG_QRCODE",
    amountFen: 1_000,
    description: "在线支付",
    createdAt: new Date(now),
    expiresAt: new Date(now + 1_800_000),
    remainingMs: 1_800_000,
    noticeUrl: `${harness.gateway.publicUrl}/api/notice/${ACCOUNT_ID}`,
    returnUrl: `${harness.gateway.publicUrl}/paid`,
    clientIp: "127.0.0.1",
    reference: {},
    channelTradeNo: null,
    ...given
  }
}

/** The address of the payer's page, from what the payer is shown. */
export const payUrlOf = (shown: Presentation): string => {
  if (shown.kind === "qrcode") return shown.content
  if (shown.kind === "redirect") return shown.url
  if (shown.kind === "app") return shown.order
  throw new Error(`a ${shown.kind} has no page`)
}

/** Facts in memory and their entries. */
export const memoryFacts = () => {
  const entries = new Map<string, JsonObject>()
  const facts: SiteFacts = {
    get: (key) => Effect.sync(() => entries.get(key) ?? null),
    update: (key, change) =>
      Effect.sync(() => {
        // Through JSON, as a store does it.
        const value: JsonObject = JSON.parse(JSON.stringify(change(entries.get(key) ?? null)))
        entries.set(key, value)
        return value
      })
  }
  return { entries, facts }
}
