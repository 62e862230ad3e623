import type { Order } from "../../core/domain/order.ts"
import type { NewOrder } from "../../core/pipeline/persistence/orders.ts"
import type { Settlement } from "../../core/pipeline/persistence/settlements.ts"

/* Orders and payments for tests that talk to stores themselves. */

let drawn = 0

/** An order that no test has used; `change` says what the test is about. */
export const anOrder = (change: Partial<NewOrder> = {}): NewOrder => {
  drawn += 1
  const createdAt = new Date("2026-03-15T02:00:00.123Z")
  return {
    merchantId: 1,
    orderNo: `QR20260315100000${String(drawn).padStart(8, "0")}`,
    merchantOrderNo: `ORD-${drawn}`,
    channelCode: "YINSHENG_QRCODE",
    flow: "qrcode",
    provider: "sandbox",
    accountId: "acc_1",
    amountFen: 1000,
    feeRateBp: 60,
    notifyUrl: "https://shop.example.com/notify",
    body: "两杯咖啡",
    extra: '{"a":"\\u4e2d"}',
    note: "在线支付",
    clientIp: "203.0.113.7",
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 1_800_000),
    reference: { shopdate: "20260315" },
    jsapi: null,
    charging: false,
    nextCheckAt: new Date("2100-01-01T00:00:00Z"),
    ...change
  }
}

/** A payer's part of an order that any payer inside WeChat may pay. @param tokenHash 64 hex digits */
export const aJsapi = (tokenHash: string): NonNullable<Order["jsapi"]> => ({
  appId: null,
  miniProgram: false,
  tokenHash,
  openid: null,
  payUntil: new Date("2100-01-01T00:00:00Z")
})

/** The payment of all of an order, as a channel reports it. */
export const aSettlement = (
  order: Pick<Order, "merchantId" | "orderNo" | "amountFen" | "provider" | "accountId">,
  change: Partial<Settlement> = {}
): Settlement => ({
  order: { merchantId: order.merchantId, orderNo: order.orderNo, accountId: order.accountId },
  provider: order.provider,
  payment: {
    channelTradeNo: `T-${order.orderNo}`,
    amountFen: order.amountFen,
    currency: "CNY",
    paidAt: new Date("2026-03-15T02:01:00Z")
  },
  feeFen: 6,
  actualFen: order.amountFen - 6,
  webhook: {
    eventId: `evt_${order.orderNo}`,
    url: "https://shop.example.com/notify",
    body: `{"order_no":"${order.orderNo}"}`
  },
  source: "notice",
  notice: aNotice(),
  ...change
})

/** A notice as it came to the account of `anOrder`. */
export const aNotice = (change: Partial<Exclude<Settlement["notice"], null>> = {}) => ({
  accountId: "acc_1",
  receivedAt: new Date("2026-03-15T02:01:01Z"),
  headers: { "content-type": "application/json" },
  body: new TextEncoder().encode("the raw notice"),
  ...change
})
