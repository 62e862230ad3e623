import { Effect } from "effect"
import { Settings } from "../../config/gateway-config.ts"
import { OwnUrl } from "../../config/own-url.ts"
import type { Merchant } from "../../domain/merchant.ts"
import { checkNotifyUrl } from "../../domain/notify-url.ts"
import { fieldInput, type Parameters } from "../../domain/parameters.ts"

/**
 * What is wrong with a call's notify_url, as a key of the field messages; undefined = nothing. It may be absent if the
 * merchant has a callback_url; the gateway's own receiver (the demo's) is only for test-mode merchants.
 */
export const notifyUrlFault = Effect.fnUntraced(function* (merchant: Merchant, parameters: Parameters) {
  const { webhookAllow } = yield* Settings
  const ownUrl = yield* OwnUrl
  const url = fieldInput(parameters.get("notify_url"))
  if (url === undefined) return merchant.callbackUrl === null ? "notify_url.missing" : undefined
  // The field table reports a value that is not a text.
  if (typeof url !== "string") return undefined
  if (url === ownUrl.demoReceiver()) return merchant.mode === "test" ? undefined : "notify_url.private"
  const verdict = checkNotifyUrl(url, webhookAllow)
  return verdict === "ok" ? undefined : `notify_url.${verdict}`
})
