import { randomBytes } from "node:crypto"
import { Clock, Effect, Option, Schema } from "effect"
import {
  type JsapiParams,
  type SiteAnswer,
  type SiteContext,
  type SiteRequest,
  type StoreUnavailable,
  sameDigest
} from "../../core/channel/index.ts"
import type { SandboxAccount } from "./account.ts"
import { newNonce, type SigningKey, seal } from "./sign.ts"
import { type Trade, ticketOf, tradeOfTicket } from "./trade.ts"
import { JsapiJson } from "./wire.ts"

/*
 * A stand-in for WeChat's part in a JSAPI payment: the authorize page, the login code and the payment sheet's
 * parameters. The sheet itself is assets/bridge.js.
 */

type Context = SiteContext<SandboxAccount>

/** Lifetime of a login code, which works once, like WeChat's. */
const CODE_LIFE_MS = 300_000

/** The WeixinJSBridge parameters of a JSAPI trade, the same each time; null for other trades. */
export const jsapiParams = (key: SigningKey, trade: Trade): JsapiParams | null => {
  if (trade.jsapi === null) return null
  const params = {
    appId: trade.jsapi.appId,
    timeStamp: String(Math.floor(trade.createdMs / 1000)),
    nonceStr: trade.tradeNo,
    package: `prepay_id=sandbox_${ticketOf(key, trade)}`,
    signType: "HMAC-SHA256"
  }
  return { ...params, paySign: paySign(key, params) }
}

/** The trade of a payment sheet's parameters; null = the provider did not sign these parameters. */
export const tradeOfParams = (
  context: Context,
  body: Uint8Array,
  nowMs: number
): Effect.Effect<Trade | null, StoreUnavailable> => {
  const read = Schema.decodeUnknownOption(Schema.fromJsonString(JsapiJson))(Buffer.from(body).toString("utf8"))
  if (Option.isNone(read)) return Effect.succeed(null)
  const { paySign: given, ...params } = read.value
  const key = context.account.signingKey
  if (!sameDigest(paySign(key, params), given)) return Effect.succeed(null)
  return tradeOfTicket(context.facts, key, params.package.slice("prepay_id=sandbox_".length), nowMs)
}

const paySign = (key: SigningKey, params: Omit<JsapiParams, "paySign">): string =>
  seal(key, "paySign", params.appId, params.timeStamp, params.nonceStr, params.package, params.signType).toUpperCase()

/**
 * `GET /sandbox/wechat/authorize`: silent like snsapi_base. A cookie identifies the browser, which is redirected to
 * redirect_uri with `code` and `state`, on the gateway's own origin only, so that the page is no open redirect.
 * @returns the redirect, or what is wrong with the request, to be shown on a page
 */
export const authorize = (
  request: SiteRequest,
  context: Context
): Effect.Effect<SiteAnswer | { readonly wrong: string }> =>
  Effect.map(Clock.currentTimeMillis, (nowMs) => {
    const asked = request.url.searchParams
    const appId = asked.get("appid") ?? ""
    const state = asked.get("state") ?? ""
    const back = ownUrl(asked.get("redirect_uri") ?? "", context)
    if (!/^[0-9A-Za-z_-]{1,64}$/.test(appId)) return { wrong: "appid (10012)" }
    if (asked.get("response_type") !== "code") return { wrong: "response_type" }
    if (asked.get("scope") !== "snsapi_base") return { wrong: "scope (10010)" }
    if (!/^[0-9A-Za-z]{1,128}$/.test(state)) return { wrong: "state (10013)" }
    if (back === undefined) return { wrong: "redirect_uri (10003)" }
    const key = context.account.signingKey
    const known = /(?:^|;\s*)sandbox_payer=([0-9a-f]{32})(?:;|$)/.exec(request.headers.cookie ?? "")?.[1]
    const browser = known ?? newNonce()
    const openid = `o${seal(key, "openid", appId, browser).slice(0, 27)}`
    back.searchParams.set("code", newCode(key, openid, appId, nowMs))
    back.searchParams.set("state", state)
    const secure = context.gateway.publicUrl.startsWith("https:") ? "; Secure" : ""
    return {
      status: 302,
      headers: {
        location: back.href,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "set-cookie": `sandbox_payer=${browser}; Path=/sandbox; Max-Age=31536000; HttpOnly; SameSite=Lax${secure}`
      },
      body: ""
    }
  })

/** Exchanges a login code for its openid: once, in time, and for the same AppID. */
export const openidOfCode = (
  context: Context,
  code: string,
  appId: string,
  nowMs: number
): Effect.Effect<{ readonly openid: string } | { readonly refused: string }, StoreUnavailable> =>
  Effect.gen(function* () {
    const parts = /^([0-9a-z]{8})([0-9a-f]{16})(o[0-9a-f]{27})([0-9a-f]{32})$/.exec(code)
    if (parts === null) return { refused: "invalid code (40029)" }
    const [, expires = "", random = "", openid = "", mac = ""] = parts
    if (!sameDigest(seal(context.account.signingKey, "code", expires, random, openid, appId), mac)) {
      return { refused: "invalid code (40029)" }
    }
    if (nowMs >= Number.parseInt(expires, 36)) return { refused: "the code has expired (42003)" }
    const user = newNonce()
    const used = yield* context.facts.update(`code:${random}`, (value) => value ?? { usedBy: user })
    return used.usedBy === user ? { openid } : { refused: "the code has been used (40163)" }
  })

// The code carries its own content, sealed, so that opening the authorize page a million times stores nothing.
const newCode = (key: SigningKey, openid: string, appId: string, nowMs: number): string => {
  const expires = (nowMs + CODE_LIFE_MS).toString(36)
  const random = randomBytes(8).toString("hex")
  return expires + random + openid + seal(key, "code", expires, random, openid, appId)
}

const ownUrl = (text: string, { gateway }: Context): URL | undefined => {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const own = [gateway.publicUrl, gateway.localUrl].map((base) => new URL(base).origin)
  return own.includes(url.origin) && url.username === "" && url.password === "" ? url : undefined
}
