import { Effect } from "effect"
import { ChannelRejected, ChannelUncertain } from "../channel/errors.ts"
import type { ChannelHttp, ChannelHttpAnswer, ChannelHttpRequest } from "../channel/http.ts"
import { NameUnresolved } from "./addresses.ts"
import { AnswerTooLarge, exchangeOnce, NotConnected } from "./exchange.ts"

/** Longest answers read from a provider: 1 MiB, for bills 64 MiB. */
const ANSWER_BYTES_MAX = 1 << 20
const BILL_BYTES_MAX = 64 << 20

/** A call that takes longer ends as ChannelUncertain: the merchant is waiting, and the provider may still act. */
const DEADLINE_MS = 15_000

/** Characters of a body that the timeline keeps, and characters that are scrubbed before the excerpt is cut. */
const EXCERPT_CHARS = 2_048
const SCRUBBED_CHARS = 65_536

/** One call to a provider as the order's timeline shows it, without the account's secrets. */
export interface Exchange {
  readonly method: string
  readonly url: string
  readonly sent: string
  readonly status: number | null
  readonly received: string
  readonly durationMs: number
  readonly error: string | null
}

interface Limits {
  /** Hosts that may be called: `host` or `host:port`. */
  readonly egress: ReadonlyArray<string>
  /** Texts that must not be recorded. */
  readonly secrets: ReadonlyArray<string>
  /** Allows answers of a bill's size. */
  readonly bill?: boolean
}

/** The ChannelHttp for one call of a channel's code; every finished exchange is pushed to `record`. */
export const channelHttp = (limits: Limits, record: Array<Exchange>): ChannelHttp["Service"] => ({
  send: (request) =>
    Effect.suspend(() => {
      if (!mayReach(limits.egress, request.url)) {
        // Nothing was sent, but the channel's code is wrong: uncertain, so that the order is not tried elsewhere.
        return Effect.fail(new ChannelUncertain({ why: "egress", detail: `${hostOf(request.url)} is not declared` }))
      }
      const startedAt = performance.now()
      const note = (status: number | null, received: string, error: string | null) =>
        record.push({
          method: request.method,
          url: scrub(request.url.split("?")[0] ?? "", limits.secrets),
          sent: excerpt(scrub(textOf(request.body), limits.secrets)),
          status,
          received: excerpt(scrub(received, limits.secrets)),
          durationMs: Math.round(performance.now() - startedAt),
          error
        })
      return Effect.tryPromise({
        try: (signal) => exchange(request, signal, limits.bill === true ? BILL_BYTES_MAX : ANSWER_BYTES_MAX),
        catch: failureOf
      }).pipe(
        Effect.tap((answer) => Effect.sync(() => note(answer.status, textOf(answer.body), null))),
        Effect.tapError((failure) => Effect.sync(() => note(null, "", failure.message)))
      )
    })
})

const exchange = (request: ChannelHttpRequest, signal: AbortSignal, bytesMax: number): Promise<ChannelHttpAnswer> =>
  exchangeOnce({
    method: request.method,
    url: new URL(request.url),
    headers: { ...request.headers },
    body: request.body === undefined ? null : Buffer.from(request.body),
    answerBytesMax: bytesMax,
    signal: AbortSignal.any([signal, AbortSignal.timeout(Math.min(request.timeoutMs ?? DEADLINE_MS, DEADLINE_MS))])
  })

/** After anything but a connection that was never made, the request may have been sent. */
const failureOf = (cause: unknown): ChannelRejected | ChannelUncertain => {
  if (cause instanceof AnswerTooLarge) return new ChannelUncertain({ why: "unreadable", detail: cause.message })
  const text = describe(cause)
  if (cause instanceof NameUnresolved || cause instanceof NotConnected) {
    return new ChannelRejected({ reason: "the provider could not be connected to; nothing was sent", unsent: true })
  }
  return new ChannelUncertain({
    why: /abort|timed? ?out/i.test(text) ? "timeout" : "connection",
    detail: text.slice(0, 200)
  })
}

const describe = (cause: unknown): string => {
  if (!(cause instanceof Error)) return "unknown failure"
  const code = "code" in cause ? String(cause.code) : ""
  return [cause.name, code, cause.message, cause.cause instanceof Error ? describe(cause.cause) : ""]
    .filter((part) => part !== "")
    .join(" ")
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : "an unreadable URL")

const mayReach = (egress: ReadonlyArray<string>, url: string): boolean => {
  if (!URL.canParse(url)) return false
  const { protocol, host } = new URL(url)
  return /^https?:$/.test(protocol) && egress.includes(host)
}

/** Bodies are scrubbed before the excerpt is cut: a secret across the cut would leave its beginning. */
const textOf = (body: string | Uint8Array | undefined): string =>
  body === undefined
    ? ""
    : (typeof body === "string" ? body : Buffer.from(body).toString("utf8")).slice(0, SCRUBBED_CHARS)

const excerpt = (text: string): string => text.slice(0, EXCERPT_CHARS)

/**
 * Shorter secrets are left: they also occur as ordinary text, and scrubbing them would make the timeline unreadable.
 */
const SECRET_CHARS_MIN = 6

/** Replaces each secret of at least SECRET_CHARS_MIN characters by `<redacted>`, plain and URL-encoded. */
const scrub = (text: string, secrets: ReadonlyArray<string>): string => {
  let clean = text
  for (const secret of secrets) {
    if (secret.length < SECRET_CHARS_MIN) continue
    clean = clean.replaceAll(secret, "<redacted>").replaceAll(encodeURIComponent(secret), "<redacted>")
  }
  return clean
}
