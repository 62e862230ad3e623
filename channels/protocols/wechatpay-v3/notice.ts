import { Option, type Redacted, Result, Schema } from "effect"
import { type Notice, NoticeRefused, type RawNotice } from "../../../core/channel/index.ts"
import type { PlatformKeys } from "./certificates.ts"
import { readTransaction } from "./query.ts"
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

const RefundEvent = Schema.Struct({
  mchid: Schema.optionalKey(Schema.NullOr(Schema.String)),
  out_trade_no: Schema.String
})
const decodeRefund = Schema.decodeUnknownOption(Schema.fromJsonString(RefundEvent))

/** Whom a notice must be for. */
export interface NoticeOwner {
  readonly mchid: string
  /** Whether the account takes payments under an AppID: one merchant number may serve AppIDs of several accounts. */
  readonly knowsApp: (appId: string) => boolean
}

/**
 * Reads an opened notice. One that names another merchant or an AppID of none of ours is not ours (C5, section I). A
 * transaction counts as a payment only where it names both: what it leaves out is a question to ask, no agreement. A
 * REFUND.* is news, because the refund's query tells how it ended.
 */
export const readEvent = (
  { eventType, resource }: OpenedNotice,
  owner: NoticeOwner
): Result.Result<Notice, NoticeRefused> => {
  const refuse = (why: NoticeRefused["why"], detail: string) => Result.fail(new NoticeRefused({ why, detail }))
  if (eventType.startsWith("REFUND.")) {
    const refund = Option.getOrUndefined(decodeRefund(resource))
    if (refund === undefined) return refuse("unreadable", eventType)
    if (refund.mchid != null && refund.mchid !== owner.mchid) return refuse("not-ours", `mchid ${refund.mchid}`)
    return Result.succeed({ kind: "news", orderNo: refund.out_trade_no })
  }
  const transaction = readTransaction(resource)
  if (transaction === undefined) return refuse("unreadable", eventType)
  const { mchid, appId, outTradeNo: orderNo, charge } = transaction
  if (mchid !== undefined && mchid !== owner.mchid) return refuse("not-ours", `mchid ${mchid}`)
  if (appId !== undefined && !owner.knowsApp(appId)) return refuse("not-ours", `appid ${appId}`)
  if (charge.state !== "paid") return Result.succeed({ kind: "news", orderNo })
  const isBound = mchid !== undefined && appId !== undefined
  return Result.succeed(isBound ? { kind: "payment", orderNo, payment: charge.payment } : { kind: "hint", orderNo })
}
