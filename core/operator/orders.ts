import { Effect, Schema } from "effect"
import { Settings } from "../config/gateway-config.ts"
import { EVENT_KINDS } from "../domain/event.ts"
import { yuanText } from "../domain/money.ts"
import { ORDER_STATUS, type Order, STATUS_TEXT } from "../domain/order.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { Notices } from "../pipeline/persistence/notices.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { Timeline } from "../pipeline/persistence/timeline.ts"
import { findMerchant, findOrder } from "./find.ts"
import { hinted, LIMIT_STANDARD, Limit, OrderNo, Since, Status, sinceOf, statusOf } from "./inputs.ts"
import { operation } from "./operation.ts"
import { deliveriesOf, WebhookView } from "./webhooks.ts"

/** An order. Amounts are whole fen and yuan text; times are ISO 8601 in UTC. */
const OrderView = Schema.Struct({
  order_no: Schema.String,
  merchant_order_no: Schema.String,
  app_id: Schema.String,
  status: Schema.Number,
  status_name: Schema.Literals(["PENDING", "PAID", "FAILED", "REFUNDED", "CLOSED"]),
  status_text: Schema.String,
  amount: Schema.String,
  amount_fen: Schema.Number,
  /** This and the next three are null until the order is paid. */
  actual_amount: Schema.NullOr(Schema.String),
  actual_amount_fen: Schema.NullOr(Schema.Number),
  fee: Schema.NullOr(Schema.String),
  fee_fen: Schema.NullOr(Schema.Number),
  fee_rate_bp: Schema.Number,
  channel_code: Schema.String,
  provider: Schema.String,
  account_id: Schema.String,
  channel_trade_no: Schema.NullOr(Schema.String),
  /** What did not match and needs a person to look. */
  flags: Schema.Array(Schema.String),
  notify_url: Schema.String,
  body: Schema.String,
  extra: Schema.String,
  note: Schema.String,
  client_ip: Schema.String,
  created_at: Schema.String,
  expires_at: Schema.String,
  pay_time: Schema.NullOr(Schema.String)
})

const viewOf = (order: Order, appId: string): typeof OrderView.Type => ({
  order_no: order.orderNo,
  merchant_order_no: order.merchantOrderNo,
  app_id: appId,
  status: ORDER_STATUS[order.status],
  status_name: order.status,
  status_text: STATUS_TEXT[order.status].zh,
  amount: yuanText(order.amountFen),
  amount_fen: order.amountFen,
  actual_amount: order.actualFen === null ? null : yuanText(order.actualFen),
  actual_amount_fen: order.actualFen,
  fee: order.feeFen === null ? null : yuanText(order.feeFen),
  fee_fen: order.feeFen,
  fee_rate_bp: order.feeRateBp,
  channel_code: order.channelCode,
  provider: order.provider,
  account_id: order.accountId,
  channel_trade_no: order.channelTradeNo,
  flags: order.flags,
  notify_url: order.notifyUrl,
  body: order.body,
  extra: order.extra,
  note: order.note,
  client_ip: order.clientIp,
  created_at: order.createdAt.toISOString(),
  expires_at: order.expiresAt.toISOString(),
  pay_time: order.paidAt?.toISOString() ?? null
})

export const orderShow = operation({
  name: "order.show",
  summary: "Show an order with its timeline and its webhook",
  permission: "orders:read",
  scope: "merchant",
  positional: ["orderNo"],
  input: Schema.Struct({ orderNo: OrderNo }),
  output: Schema.Struct({
    ...OrderView.fields,
    webhooks: Schema.Array(WebhookView),
    /** Oldest first. */
    timeline: Schema.Array(
      Schema.Struct({ at: Schema.String, kind: Schema.Literals(EVENT_KINDS), detail: Schema.Json })
    )
  }),
  afterword: () => "--json shows every detail in full.",
  run: Effect.fnUntraced(function* (_actor, input) {
    const merchants = yield* Merchants
    const timelines = yield* Timeline
    const order = yield* findOrder(input.orderNo)
    const owner = yield* merchants.findById(order.merchantId)
    const timeline = yield* timelines.of(order)
    return {
      ...viewOf(order, owner?.merchant.appId ?? ""),
      webhooks: yield* deliveriesOf({ orderNo: order.orderNo, limit: 10 }),
      timeline: timeline.map(({ at, kind, detail }) => ({ at: at.toISOString(), kind, detail }))
    }
  })
})

export const orderList = operation({
  name: "order.list",
  summary: "List orders, newest first",
  permission: "orders:read",
  scope: "gateway",
  input: Schema.Struct({
    appId: Schema.optionalKey(hinted(Schema.String, { help: "Only orders of this merchant", placeholder: "APP_ID" })),
    status: Schema.optionalKey(
      hinted(Status, { help: `Only ${Object.keys(ORDER_STATUS).join(", ")}`, placeholder: "STATUS" })
    ),
    since: Schema.optionalKey(
      hinted(Since, {
        help: "Only orders made since 2026-03-15, 2026-03-15T08:00:00Z, or 24h ago (in PAYHUB_TIMEZONE unless it names a zone)",
        placeholder: "TIME"
      })
    ),
    flagged: Schema.optionalKey(hinted(Schema.Boolean, { help: "Only those that a person has to look at" })),
    limit: Schema.optionalKey(hinted(Limit, { help: `1 to 1000 (default: ${LIMIT_STANDARD})`, placeholder: "N" }))
  }),
  output: Schema.Array(OrderView),
  columns: ["order_no", "merchant_order_no", "app_id", "status_name", "amount", "channel_code", "flags", "created_at"],
  run: Effect.fnUntraced(function* (_actor, input) {
    const merchants = yield* Merchants
    const orders = yield* Orders
    const { nowMs } = yield* StoreClock
    const { timezone } = yield* Settings
    const found = yield* orders.list({
      limit: input.limit ?? LIMIT_STANDARD,
      ...(input.appId === undefined ? {} : { merchantId: (yield* findMerchant(input.appId)).merchant.id }),
      ...(input.status === undefined ? {} : { status: statusOf(input.status) }),
      ...(input.since === undefined ? {} : { since: yield* sinceOf(input.since, nowMs(), timezone) }),
      ...(input.flagged === true ? { flagged: true } : {})
    })
    const appIds = new Map((yield* merchants.list()).map(({ id, appId }) => [id, appId]))
    return found.map((order) => viewOf(order, appIds.get(order.merchantId) ?? ""))
  })
})

export const orderCheck = operation({
  name: "order.check",
  summary: "Have the running gateway ask an unpaid order's channel about it now",
  permission: "orders:write",
  scope: "merchant",
  positional: ["orderNo"],
  input: Schema.Struct({ orderNo: OrderNo }),
  output: Schema.Struct({ order_no: Schema.String, status_name: Schema.String, asked: Schema.Boolean }),
  succeeded: ({ asked }) => asked,
  afterword: ({ asked, status_name }) =>
    asked ? "`payhub order show` shows the answer." : `The order is ${status_name}: there is nothing to ask.`,
  run: Effect.fnUntraced(function* (_actor, input) {
    const orders = yield* Orders
    const order = yield* findOrder(input.orderNo)
    const asked = order.status === "PENDING"
    if (asked) yield* orders.scheduleCheck(order, 0)
    return { order_no: order.orderNo, status_name: order.status, asked }
  })
})

export const orderStrays = operation({
  name: "order.strays",
  summary: "List verified notices that name no order of their account, newest first",
  permission: "orders:read",
  scope: "gateway",
  input: Schema.Struct({
    limit: Schema.optionalKey(hinted(Limit, { help: `1 to 1000 (default: ${LIMIT_STANDARD})`, placeholder: "N" }))
  }),
  output: Schema.Array(
    Schema.Struct({
      account_id: Schema.String,
      order_no: Schema.String,
      received_at: Schema.String,
      detail: Schema.Json
    })
  ),
  run: Effect.fnUntraced(function* (_actor, input) {
    const notices = yield* Notices
    const strays = yield* notices.listStrays(input.limit ?? LIMIT_STANDARD)
    return strays.map(({ accountId, orderNo, receivedAt, detail }) => ({
      account_id: accountId,
      order_no: orderNo,
      received_at: receivedAt.toISOString(),
      detail
    }))
  })
})
