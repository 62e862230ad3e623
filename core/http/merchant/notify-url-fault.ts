import { Effect } from "effect"
import { Settings } from "../../config/gateway-config.ts"
import { OwnUrl } from "../../config/own-url.ts"
import type { Merchant } from "../../domain/merchant.ts"
import { checkNotifyUrl } from "../../domain/notify-url.ts"
import { fieldInput, type Parameters } from "../../domain/parameters.ts"

/**
 * What is wrong with a call's notify_url (a key of the field messages), or undefined. It may be absent where the
 * merchant has a callback_url to fall back on; the gateway's own receiver (the demo's) is for test mode alone.
 */
export const notifyUrlFault = Effect.fnUntraced(function* (merchant: Merchant, parameters: Parameters) {
  const { webhookAllow } = yield* Settings
  const ownUrl = yield* OwnUrl
  const url = fieldInput(parameters.get("notify_url"))
  if (url === undefined) return merchant.callbackUrl === null ? "notify_url.missing" : undefined
  // What is no text has its own fault, which the field table finds.
  if (typeof url !== "string") return undefined
  if (url === ownUrl.demoReceiver()) return merchant.mode === "test" ? undefined : "notify_url.private"
  const verdict = checkNotifyUrl(url, webhookAllow)
  return verdict === "ok" ? undefined : `notify_url.${verdict}`
})
