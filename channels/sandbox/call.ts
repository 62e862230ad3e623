import { Clock, Effect, Option, Schema } from "effect"
import { ChannelHttp, ChannelRejected, ChannelUncertain, type GatewayUrls } from "../../core/channel/index.ts"
import { newNonce, type SigningKey, signatureHeaders, verified } from "./sign.ts"
import { Refused, Unsure } from "./wire.ts"

/**
 * Sends one request to the provider's side over real HTTP: signs it, verifies the answer over its raw bytes and against
 * this request's nonce, then reads it. ChannelRejected: a signed refusal. ChannelUncertain: a signed "unsure", and
 * anything else that is not a signed answer of the expected shape.
 */
export const call = <A>(
  key: SigningKey,
  gateway: GatewayUrls,
  operation: string,
  input: object,
  shape: Schema.Codec<A, unknown>
): Effect.Effect<A, ChannelRejected | ChannelUncertain, ChannelHttp> =>
  Effect.gen(function* () {
    const http = yield* ChannelHttp
    const path = `/sandbox/api/${operation}`
    const body = JSON.stringify(input)
    const nonce = newNonce()
    const signed = signatureHeaders(key, `request ${path}`, body, yield* Clock.currentTimeMillis, nonce)
    const headers = { "content-type": "application/json", ...signed }
    const answer = yield* http.send({ method: "POST", url: gateway.localUrl + path, headers, body })
    if (answer.status >= 500) return yield* uncertain("server-error", `HTTP ${answer.status}`)
    const signer = verified(key, `answer ${path}`, answer.headers, answer.body)
    if (signer?.nonce !== nonce) return yield* uncertain("bad-signature", `HTTP ${answer.status}`)
    const text = Buffer.from(answer.body).toString("utf8")
    const read = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Union([Refused, Unsure, shape])))(text)
    if (Option.isNone(read)) return yield* uncertain("unreadable", "the signed answer is not as documented")
    const value = read.value
    if (isUnsure(value)) return yield* uncertain("server-error", value.reason)
    if (!isRefused(value)) return value
    const { reason, concerns } = value
    return yield* new ChannelRejected({ reason, ...(concerns === undefined ? {} : { concerns }) })
  })

const isRefused = Schema.is(Refused)
const isUnsure = Schema.is(Unsure)

const uncertain = (why: ChannelUncertain["why"], detail: string) => new ChannelUncertain({ why, detail })
