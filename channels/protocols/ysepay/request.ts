import type { KeyObject } from "node:crypto"
import { shanghaiText } from "../../../core/channel/index.ts"
import { METHODS, type Method } from "./methods.ts"
import { baseString, type Field, signSha1Rsa } from "./sign.ts"

/** Business fields of a method; undefined ones are left out. Amounts are yuan texts with two decimals. */
export type BizContent = { readonly [field: string]: string | undefined }

export interface RequestSettings {
  /** 发起方: who calls; the receiving merchant is `seller_id` inside biz_content. */
  readonly partnerId: string
  readonly privateKey: KeyObject
  /** Versions by method where they differ from METHODS. */
  readonly versions: { readonly [method: string]: string }
}

/**
 * Writes a call's form body. Yinsheng's documented default charset is GBK; UTF-8 is declared and sent. `tran_type` and
 * `return_url` are left out: sources disagree on their place, and instant trades need neither (A2).
 * @param nowMs epoch milliseconds; sent as Beijing time
 */
export const writeRequest = (
  settings: RequestSettings,
  call: { readonly method: Method; readonly biz: BizContent; readonly notifyUrl?: string; readonly nowMs: number }
): string => {
  const fields: Array<Field> = [
    ["method", call.method],
    ["partner_id", settings.partnerId],
    ["timestamp", shanghaiText(call.nowMs)],
    ["charset", "UTF-8"],
    ["sign_type", "RSA"],
    ["version", settings.versions[call.method] ?? METHODS[call.method].version],
    ["biz_content", JSON.stringify(call.biz)]
  ]
  if (call.notifyUrl !== undefined) fields.push(["notify_url", call.notifyUrl])
  const sign = signSha1Rsa(baseString(fields), settings.privateKey)
  return new URLSearchParams([...fields, ["sign", sign]].map(([name = "", value = ""]) => [name, value])).toString()
}

const LIFE_MINUTES_MAX = 15 * 24 * 60

/**
 * `timeout_express`: whole minutes until an order expires, 1m … 15d. Rounded up, so that the code lives as long as the
 * payer was told. A payment in the rounded-up minute is found when the order is closed at Yinsheng.
 */
export const timeoutExpress = (remainingMs: number): string =>
  `${Math.min(Math.max(Math.ceil(remainingMs / 60_000), 1), LIFE_MINUTES_MAX)}m`
