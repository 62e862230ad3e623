import { Option, type Redacted, Result, Schema } from "effect"
import { NoticeRefused, type RawNotice } from "../../../core/channel/index.ts"
import type { PlatformKeys } from "./certificates.ts"
import { EncryptedResource, openResource } from "./resource.ts"

/** A verified notice: its event, and its opened resource as JSON text. */
export interface OpenedNotice {
  /** `TRANSACTION.SUCCESS`, `REFUND.SUCCESS`, `REFUND.ABNORMAL`, `REFUND.CLOSED`, … */
  readonly eventType: string
  readonly resource: string
}

const decode = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ event_type: Schema.String, resource: EncryptedResource }))
)

/** Verifies a notice over its raw bytes, then opens it (protocols/channels.md C4, C5). */
export const openNotice = (
  raw: RawNotice,
  keys: PlatformKeys,
  apiV3Key: Redacted.Redacted<string>
): Result.Result<OpenedNotice, NoticeRefused> => {
  const verdict = keys.verify(raw.headers, raw.body, raw.receivedAt.getTime())
  if (verdict !== "valid") {
    return Result.fail(new NoticeRefused({ why: verdict === "stale" ? "stale" : "bad-signature", detail: verdict }))
  }
  const notice = Option.getOrUndefined(decode(Buffer.from(raw.body).toString("utf8")))
  if (notice === undefined) return Result.fail(new NoticeRefused({ why: "unreadable", detail: "not a notice" }))
  const resource = openResource(apiV3Key, notice.resource)
  return resource === undefined
    ? Result.fail(new NoticeRefused({ why: "unreadable", detail: "does not open with this account's apiV3Key" }))
    : Result.succeed({ eventType: notice.event_type, resource })
}

const decodeRefund = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ mchid: Schema.String, out_trade_no: Schema.String }))
)

/** The merchant and order of a `REFUND.*` notice; undefined when it does not name them. */
export const readRefundNotice = (
  resource: string
): { readonly mchid: string; readonly outTradeNo: string } | undefined => {
  const refund = Option.getOrUndefined(decodeRefund(resource))
  return refund === undefined ? undefined : { mchid: refund.mchid, outTradeNo: refund.out_trade_no }
}
