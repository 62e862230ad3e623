import { yuanText } from "../../domain/money.ts"
import { ORDER_STATUS, type Order } from "../../domain/order.ts"
import { canonicalString, hmacSha256 } from "../../domain/signature.ts"
import { localText } from "../../domain/time.ts"

/** The money and time of a settlement, as its webhook states them. */
export interface SettledMoney {
  /** Whole fen; amount − fee. */
  readonly actualFen: number
  readonly paidAt: Date
}

/** A webhook's body (contract section 9): exactly these fields, `sign` over the eight before it. */
export const webhookBody = (
  order: Pick<Order, "orderNo" | "merchantOrderNo" | "amountFen" | "channelCode" | "extra">,
  settled: SettledMoney,
  zone: string,
  secret: string
): string => {
  const fields = {
    order_no: order.orderNo,
    merchant_order_no: order.merchantOrderNo,
    amount: yuanText(order.amountFen),
    actual_amount: yuanText(settled.actualFen),
    status: ORDER_STATUS.PAID,
    channel_code: order.channelCode,
    pay_time: localText(settled.paidAt, zone),
    extra: order.extra
  }
  const pairs = Object.entries(fields).map(([key, value]) => [key, String(value)] as const)
  return JSON.stringify({ ...fields, sign: hmacSha256(secret, canonicalString(pairs)) })
}
