import { Effect } from "effect"
import type { Product } from "../channel/provider.ts"
import { crashPoint } from "../domain/crash-point.ts"
import { ChannelUnavailable, ChargeUncertain, DuplicateOrder, StoreUnavailable } from "../domain/errors.ts"
import type { Merchant } from "../domain/merchant.ts"
import type { JsapiOrder } from "../domain/order.ts"
import { newOrderNo } from "../domain/order-no.ts"
import type { NewOrder } from "../pipeline/persistence/orders.ts"
import { Persistence } from "../pipeline/persistence/persistence.ts"
import { Throttle } from "../pipeline/throttle/throttle.ts"
import { Channels, type OpenedAccount } from "./channels.ts"
import { firstCheckAt } from "./reconcile-schedule.ts"
import { Settings } from "./settings.ts"

/** What both creating endpoints know of an order once its fields have passed. */
export interface OrderRequest {
  readonly merchant: Merchant
  readonly clientIp: string
  readonly prefix: "QR" | "WX"
  readonly merchantOrderNo: string
  readonly amountFen: number
  readonly notifyUrl: string
  readonly body: string
  readonly extra: string
  readonly note: string
  /** undefined = the merchant's first usable QR channel. */
  readonly channelCode: string | undefined
  readonly expireMinutes: number
  /** What a JSAPI product adds; made when the product turns out to be one. */
  readonly jsapi: (product: Product) => JsapiOrder | null
}

/** What a payer reads where the merchant says nothing (contract section 5). */
export const DEFAULT_NOTE = "在线支付"

/** A number is drawn again this often; two draws alike in one second are one in millions. */
const NUMBER_DRAWS = 5

/**
 * The second half of the contract's section 4: duplicate order → throttle → channel, then the order is stored PENDING.
 * When this returns, the order is durable and no channel has heard of it.
 */
export const placeOrder = Effect.fnUntraced(function* (request: OrderRequest) {
  const { orders } = yield* Persistence
  const throttle = yield* Throttle
  const channels = yield* Channels
  const { merchant } = request

  // Without a throttle nothing is observable between this look and the insert, which refuses duplicates by itself.
  if (throttle.applies(merchant)) {
    yield* refuseKnown(request)
    yield* throttle
      .take(merchant, request.clientIp, "order")
      // The call that took the slot may have been this very order, sent at the same moment.
      .pipe(Effect.tapErrorTag("ThrottleExceeded", () => refuseKnown(request)))
  }
  const [first, ...others] = yield* channels.candidates(merchant, request.channelCode, request.amountFen)
  if (first === undefined) {
    if (!throttle.applies(merchant)) yield* refuseKnown(request)
    return yield* new ChannelUnavailable({ orderNo: null })
  }
  for (let draw = 0; draw < NUMBER_DRAWS; draw++) {
    const order = yield* draftOrder(request, first.account, first.product)
    crashPoint("order.before-store")
    const created = orders.create(order).pipe(
      Effect.catchTag("StoreUnavailable", (failure) =>
        // The answer was lost, not the question: the order may be there.
        Effect.fail(failure.mayHaveHappened === true ? new ChargeUncertain({ orderNo: order.orderNo }) : failure)
      )
    )
    if ((yield* created) === "created") {
      crashPoint("order.stored")
      const accounts: [OpenedAccount, ...Array<OpenedAccount>] = [
        first.account,
        ...others.map(({ account }) => account)
      ]
      return { order, accounts, product: first.product }
    }
  }
  return yield* new StoreUnavailable({ store: "orders", cause: "no free order number after several draws" })
})

const refuseKnown = Effect.fnUntraced(function* ({ merchant, merchantOrderNo }: OrderRequest) {
  const { orders } = yield* Persistence
  if (yield* orders.known(merchant.id, merchantOrderNo)) return yield* new DuplicateOrder()
})

const draftOrder = Effect.fnUntraced(function* (request: OrderRequest, account: OpenedAccount, product: Product) {
  const { config } = yield* Settings
  const nowMs = (yield* Persistence).nowMs()
  const orderNo = newOrderNo(request.prefix, request.merchant.id, nowMs)
  const createdAt = new Date(nowMs)
  const jsapi = request.jsapi(product)
  const order: NewOrder = {
    merchantId: request.merchant.id,
    orderNo,
    merchantOrderNo: request.merchantOrderNo,
    channelCode: product.code,
    flow: product.flow,
    provider: account.provider.id,
    accountId: account.id,
    amountFen: request.amountFen,
    feeRateBp: account.feeRateBp,
    notifyUrl: request.notifyUrl,
    body: request.body,
    extra: request.extra,
    note: request.note,
    clientIp: request.clientIp,
    createdAt,
    expiresAt: new Date(nowMs + request.expireMinutes * 60_000),
    reference: account.channel.reference?.({ orderNo, createdAt }) ?? {},
    jsapi,
    // A JSAPI order waits for its payer; every other one is charged as soon as it is stored.
    charging: jsapi === null || jsapi.openid !== null,
    nextCheckAt: firstCheckAt(createdAt, config.reconcileScheduleMs)
  }
  return order
})
