import { Clock, Effect, Option, type Redacted, Result, Schema, Semaphore } from "effect"
import { ChannelHttp, type ChannelHttpAnswer, ChannelRejected, ChannelUncertain } from "../../../core/channel/index.ts"
import { CERTIFICATES_PATH, type PlatformKeys } from "./certificates.ts"
import { type Refusal, unreadable } from "./errors.ts"
import { authorization, type MerchantSigner, newNonceStr } from "./sign.ts"

export interface ClientSettings {
  readonly signer: MerchantSigner
  readonly apiV3Key: Redacted.Redacted<string>
  /** `https://api.mch.weixin.qq.com`, without a trailing slash. */
  readonly origin: string
  readonly keys: PlatformKeys
  /** `PUB_KEY_ID_…`: asks WeChat Pay to sign its answers with its public key. */
  readonly publicKeyId?: string | undefined
}

/** A verified 2xx answer, or a 4xx with WeChat Pay's code. Any other answer is ChannelUncertain. */
export type ClientAnswer =
  | { readonly kind: "ok"; readonly status: number; readonly body: string }
  | { readonly kind: "refused"; readonly refusal: Refusal }

export interface Call {
  readonly method: "GET" | "POST"
  /** `/v3/…`, with its query. */
  readonly path: string
  /** Sent as JSON; absent for GET. */
  readonly body?: unknown
}

/** One account's signed and verified calls to WeChat Pay. */
export interface Client {
  /** ChannelRejected: the call was not sent. */
  readonly call: (call: Call) => Effect.Effect<ClientAnswer, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** Makes sure that there are keys to verify answers and notices with, and downloads them when that is due. */
  readonly ready: Effect.Effect<void, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** Downloads a bill's file. The request is signed; the answer is not, so the caller checks its hash. */
  readonly download: (url: string) => Effect.Effect<ChannelHttpAnswer, ChannelRejected | ChannelUncertain, ChannelHttp>
}

/** Upper bound of a message kept from an error answer. */
const MESSAGE_CHARS_MAX = 200

/** The difference of two clocks below which WeChat Pay accepts a request, and we an answer. */
const CLOCK_GAP_MS = 300_000

/** Deadline of a certificate download: a notice waits for it, which must be answered within 5 s (protocols/channels.md I). */
const DOWNLOAD_TIMEOUT_MS = 3_000

const ErrorBody = Schema.fromJsonString(
  Schema.Struct({ code: Schema.String, message: Schema.optionalKey(Schema.NullOr(Schema.String)) })
)
const decodeError = Schema.decodeUnknownOption(ErrorBody)

export const makeClient = (settings: ClientSettings): Client => {
  const { keys, origin, signer } = settings
  const oneDownload = Semaphore.makeUnsafe(1)

  const send = Effect.fnUntraced(function* (method: "GET" | "POST", url: URL, body: string, timeoutMs?: number) {
    const http = yield* ChannelHttp
    const timestamp = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const pathAndQuery = url.pathname + url.search
    return yield* http.send({
      method,
      url: url.href,
      headers: {
        accept: "application/json",
        "user-agent": "PayHub",
        authorization: authorization(signer, { method, pathAndQuery, body, timestamp, nonce: newNonceStr() }),
        ...(settings.publicKeyId === undefined ? {} : { "wechatpay-serial": settings.publicKeyId }),
        ...(body === "" ? {} : { "content-type": "application/json" })
      },
      ...(body === "" ? {} : { body }),
      ...(timeoutMs === undefined ? {} : { timeoutMs })
    })
  })

  const download = Effect.fnUntraced(function* () {
    keys.downloadTried(yield* Clock.currentTimeMillis)
    const answer = yield* send("GET", new URL(origin + CERTIFICATES_PATH), "", DOWNLOAD_TIMEOUT_MS)
    const nowMs = yield* Clock.currentTimeMillis
    if (answer.status !== 200) {
      const { code, message } = readRefusal(answer, nowMs)
      return yield* new ChannelUncertain({
        why: "server-error",
        detail: `${CERTIFICATES_PATH}: ${answer.status} ${code} ${message}`
      })
    }
    const { headers, body } = answer
    const verdict = keys.accept({ headers, body, apiV3Key: settings.apiV3Key, nowMs })
    if (verdict === "unreadable") {
      return yield* unreadable(`${CERTIFICATES_PATH}: does not open with this account's apiV3Key`)
    }
    if (verdict !== "accepted") {
      const detail = `${CERTIFICATES_PATH}: ${verdict}${clockNote(answer, nowMs)}`
      return yield* new ChannelUncertain({ why: "bad-signature", detail })
    }
  })

  /**
   * Downloads the platform certificates when that is due. Of concurrent callers, one downloads.
   * @param wait whether the other callers wait for its result: those who cannot continue without it
   */
  const refresh = Effect.fnUntraced(function* (wait: boolean) {
    if (!wait && !keys.downloadDue(yield* Clock.currentTimeMillis)) return
    yield* oneDownload.withPermit(
      Effect.gen(function* () {
        if (keys.downloadDue(yield* Clock.currentTimeMillis)) yield* download()
      })
    )
  })

  /**
   * Without a key no answer could be verified, so nothing is sent. Old keys stay in use while they cannot be renewed.
   */
  const ready = Effect.gen(function* () {
    const renewed = yield* Effect.result(refresh(keys.isEmpty))
    if (!keys.isEmpty) return
    const why = Result.isFailure(renewed) ? renewed.failure.message : "the last try was a moment ago"
    return yield* new ChannelRejected({ reason: `nothing was sent, without a certificate to verify with: ${why}` })
  })

  const verify = Effect.fnUntraced(function* (answer: ChannelHttpAnswer) {
    const nowMs = yield* Clock.currentTimeMillis
    const verdict = keys.verify(answer.headers, answer.body, nowMs)
    if (verdict !== "unknown-serial") return verdict
    yield* Effect.ignore(refresh(true))
    return keys.verify(answer.headers, answer.body, nowMs)
  })

  const call = Effect.fnUntraced(function* ({ method, path, body }: Call) {
    yield* ready
    const answer = yield* send(method, new URL(origin + path), body === undefined ? "" : JSON.stringify(body))
    const { status } = answer
    const succeeded = status >= 200 && status < 300
    const verdict = yield* verify(answer)
    const nowMs = yield* Clock.currentTimeMillis
    // An error may be unsigned; an error with an invalid signature is not WeChat Pay's.
    if (verdict !== "valid" && (succeeded || verdict !== "unsigned")) {
      const detail = `answer ${status}: ${verdict}${clockNote(answer, nowMs)}`
      return yield* new ChannelUncertain({ why: "bad-signature", detail })
    }
    if (succeeded) return { kind: "ok", status, body: Buffer.from(answer.body).toString("utf8") } satisfies ClientAnswer
    const refusal = readRefusal(answer, nowMs)
    if (status >= 400 && status < 500 && refusal.code !== "") return { kind: "refused", refusal } satisfies ClientAnswer
    return yield* new ChannelUncertain({
      why: status >= 500 ? "server-error" : "unreadable",
      detail: `answer ${status} ${refusal.code} ${refusal.message}`
    })
  })

  return { call, ready, download: (url) => send("GET", new URL(url), "") }
}

/** For an answer that shows two clocks apart, by its Date header; "" = they are not, or it has none. */
const clockNote = (answer: ChannelHttpAnswer, nowMs: number): string => {
  const gapMs = nowMs - Date.parse(answer.headers.date ?? "")
  if (!(Math.abs(gapMs) > CLOCK_GAP_MS)) return ""
  const [seconds, side] = [Math.round(Math.abs(gapMs) / 1000), gapMs > 0 ? "ahead of" : "behind"]
  return `: our clock is ${seconds} s off WeChat Pay's (${side} it); set this machine's clock`
}

const readRefusal = (answer: ChannelHttpAnswer, nowMs: number): Refusal => {
  const body = Option.getOrUndefined(decodeError(Buffer.from(answer.body).toString("utf8")))
  return {
    status: answer.status,
    code: body?.code ?? "",
    message: (body?.message ?? "").slice(0, MESSAGE_CHARS_MAX) + clockNote(answer, nowMs),
    requestId: answer.headers["request-id"] ?? ""
  }
}
