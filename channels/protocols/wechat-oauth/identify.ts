import { Effect, Option, Redacted, Schema } from "effect"
import { ChannelHttp, ChannelRejected, ChannelUncertain } from "../../../core/channel/index.ts"

/** The origin of WeChat's API, by default. */
export const API_ORIGIN = "https://api.weixin.qq.com"

/** An official account or mini-program. */
export interface WechatApp {
  readonly appId: string
  readonly appSecret: Redacted.Redacted<string>
}

/**
 * errcodes that say for good that a code identifies nobody (protocols/channels.md B, I): because of the payer's code, or
 * because of the account, which a new code would not help. -1 (busy), rate limits and unknown errcodes are uncertain:
 * the same code may work a moment later.
 */
const REFUSED: Readonly<Record<number, { readonly concerns: "payer" | "everyone"; readonly reason: string }>> = {
  40029: { concerns: "payer", reason: "the code is wrong or older than five minutes" },
  42003: { concerns: "payer", reason: "the code has expired" },
  40163: { concerns: "payer", reason: "the code has been used" },
  41008: { concerns: "payer", reason: "the code is missing" },
  40226: { concerns: "payer", reason: "WeChat blocks this user" },
  40013: { concerns: "everyone", reason: "the AppID is wrong" },
  40001: { concerns: "everyone", reason: "the AppSecret is wrong" },
  40125: { concerns: "everyone", reason: "the AppSecret is wrong" }
}

const answerBody = Schema.fromJsonString(
  Schema.Struct({
    openid: Schema.optionalKey(Schema.String),
    errcode: Schema.optionalKey(Schema.Int),
    errmsg: Schema.optionalKey(Schema.String)
  })
)
const decode = Schema.decodeUnknownOption(answerBody)

/**
 * Exchanges a code for the payer's openid; WeChat gives the code to the payer's browser (official account) or to
 * wx.login (mini-program). A code works once, and WeChat may call the same callback twice, so the caller keeps the
 * openid. The URL carries the AppSecret, because WeChat takes it nowhere else: the URL must not be logged.
 * ChannelRejected: an errcode of REFUSED.
 */
export const identify = Effect.fnUntraced(function* (login: {
  readonly origin: string
  readonly app: WechatApp
  readonly code: string
  readonly miniProgram: boolean
}) {
  const http = yield* ChannelHttp
  const query = new URLSearchParams({
    appid: login.app.appId,
    secret: Redacted.value(login.app.appSecret),
    [login.miniProgram ? "js_code" : "code"]: login.code,
    grant_type: "authorization_code"
  })
  const path = login.miniProgram ? "/sns/jscode2session" : "/sns/oauth2/access_token"
  const { status, body } = yield* http.send({
    method: "GET",
    url: `${login.origin}${path}?${query}`,
    headers: { accept: "application/json", "user-agent": "PayHub" }
  })
  if (status >= 500) return yield* new ChannelUncertain({ why: "server-error", detail: `${path}: ${status}` })
  // The Content-Type is ignored: WeChat sends JSON as text/plain.
  const answer = Option.getOrUndefined(decode(Buffer.from(body).toString("utf8")))
  if (status !== 200 || answer === undefined) {
    return yield* new ChannelUncertain({ why: "unreadable", detail: `${path}: ${status}` })
  }
  const { errcode, openid } = answer
  if (errcode !== undefined && errcode !== 0) {
    const refusal = REFUSED[errcode]
    return yield* refusal === undefined
      ? new ChannelUncertain({ why: "server-error", detail: `${path}: ${errcode} ${answer.errmsg ?? ""}` })
      : new ChannelRejected({
          reason: `${refusal.reason} (${errcode} ${answer.errmsg ?? ""})`,
          concerns: refusal.concerns
        })
  }
  if (!openid) return yield* new ChannelUncertain({ why: "unreadable", detail: `${path}: no openid` })
  return { openid }
})
