import { Effect, Redacted } from "effect"
import { AccountInvalid } from "../../../core/channel/index.ts"
import type { WechatPayAccount } from "./account-fields.ts"
import { readMerchantKey, readPlatformKeys } from "./account-keys.ts"
import { type Client, type ClientSettings, makeClient } from "./client.ts"
import { API_V3_KEY_BYTES } from "./resource.ts"

/** The origin of WeChat Pay's API v3, by default (protocols/channels.md C1). */
const PAY_ORIGIN = "https://api.mch.weixin.qq.com"

const payOrigin = ({ hosts }: Pick<WechatPayAccount, "hosts">): string => hosts?.pay ?? PAY_ORIGIN

/** The host of an account's calls to WeChat Pay, bill downloads included. */
export const wechatPayEgress = (account: Pick<WechatPayAccount, "hosts">): ReadonlyArray<string> => [
  new URL(payOrigin(account)).host
]

/** An account with its keys parsed: all that calls and notices need. */
export interface WechatPaySession extends ClientSettings {
  readonly client: Client
}

/** Parses an account's keys. AccountInvalid names the field that cannot be used. */
export const openWechatPaySession = Effect.fnUntraced(function* (
  account: WechatPayAccount
): Effect.fn.Return<WechatPaySession, AccountInvalid> {
  const signer = yield* readMerchantKey(account)
  const { apiV3Key, verification } = account
  if (Buffer.byteLength(Redacted.value(apiV3Key)) !== API_V3_KEY_BYTES) {
    return yield* new AccountInvalid({ field: "apiV3Key", message: "apiV3Key must be the 32 characters that were set" })
  }
  const keys = yield* readPlatformKeys(account, signer)
  const { publicKeyId } = verification
  const settings: ClientSettings = { signer, apiV3Key, origin: payOrigin(account), keys, publicKeyId }
  return { ...settings, client: makeClient(settings) }
})
