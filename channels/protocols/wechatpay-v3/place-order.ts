import { Effect, Option } from "effect"
import type { ChannelHttp, ChannelRejected, ChannelUncertain, ChargeRequest } from "../../../core/channel/index.ts"
import { isAbsent, orderMeaning, rejected, uncertain } from "./errors.ts"
import { orderCall } from "./order.ts"
import { orderQueryCall } from "./query.ts"
import type { WechatPaySession } from "./session.ts"

/**
 * Sends a call that makes an order, and returns its verified answer as JSON text, from which the product reads its
 * prepay_id, code_url or h5_url. ChannelRejected only for codes that mean that no order was made, and for doubtful ones
 * where WeChat Pay then says that it knows no order of this number.
 * @param own the product's path, AppID and fields, beside those that all products share (protocols/channels.md C1, C2)
 */
export const placeWechatPayOrder = Effect.fnUntraced(function* (
  { signer, client }: WechatPaySession,
  order: ChargeRequest,
  own: {
    /** The last part of the call's path. */
    readonly product: "jsapi" | "native" | "h5" | "app"
    readonly appId: string
    readonly fields?: Readonly<Record<string, unknown>>
  }
): Effect.fn.Return<string, ChannelRejected | ChannelUncertain, ChannelHttp> {
  const answer = yield* client.call(
    orderCall({
      ...own,
      mchid: signer.mchid,
      outTradeNo: order.orderNo,
      description: order.description,
      amountFen: order.amountFen,
      expiresAt: order.expiresAt,
      notifyUrl: order.noticeUrl
    })
  )
  if (answer.kind === "ok") return answer.body
  const { refusal } = answer
  const meaning = orderMeaning(refusal)
  if (meaning === "refused") return yield* rejected(refusal)
  if (meaning === "uncertain") return yield* uncertain(refusal)
  const known = yield* Effect.option(client.call(orderQueryCall(signer.mchid, order.orderNo)))
  const absent = Option.isSome(known) && known.value.kind === "refused" && isAbsent(known.value.refusal)
  return yield* absent ? rejected(refusal) : uncertain(refusal)
})
