import { yuanText } from "../../domain/money.ts"
import { ORDER_STATUS, type Order } from "../../domain/order.ts"
import { canonicalString, hmacSha256 } from "../../domain/signature.ts"
import { localText } from "../../domain/time.ts"

/** What settling has decided about an order's money. */
export interface SettledMoney {
  /** Whole fen; amount − fee. */
  readonly actualFen: number
  readonly paidAt: Date
}

/** The body of the contract's section 9: exactly these fields, signed over the eight before `sign`. */
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
