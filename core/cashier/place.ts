import { Effect } from "effect"
import type { Presentation } from "../channel/provider.ts"
import { Settings } from "../config/gateway-config.ts"
import { crashPoint } from "../domain/crash-point.ts"
import { ChannelUnavailable, ChargeUncertain, DuplicateOrder, StoreUnavailable } from "../domain/errors.ts"
import type { Merchant } from "../domain/merchant.ts"
import type { JsapiOrder } from "../domain/order.ts"
import { newOrderNo } from "../domain/order-no.ts"
import { type NewOrder, Orders } from "../pipeline/persistence/orders.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { Throttle } from "../pipeline/throttle/throttle.ts"
import { type Candidate, Channels } from "./channels.ts"
import { chargeOrder } from "./charge.ts"
import type { OpenedAccount } from "./opened-account.ts"
import { newPayToken, PAY_TOKEN_MS, payTokenHash } from "./pay-token.ts"
import { firstCheckAt } from "./reconcile-schedule.ts"
import { uncertainOnceStored } from "./uncertain.ts"

/** An order that an authenticated merchant asks for; every field has passed its door's checks. */
export interface PlaceOrder {
  readonly merchant: Merchant
  readonly clientIp: string
  readonly merchantOrderNo: string
  /** Whole fen, ≥ 1. */
  readonly amountFen: number
  readonly notifyUrl: string
  readonly body: string
  readonly extra: string
  readonly note: string
  /** undefined = the merchant's first usable QR channel. */
  readonly channelCode: string | undefined
  readonly expireMinutes: number
  /**
   * Who pays, where the order is made for a payer inside WeChat (contract section 6). null = whoever is shown the
   * order's code (section 5): a JSAPI product's payer is then known when the pay page is opened.
   */
  readonly payer: {
    readonly appId: string | null
    readonly miniProgram: boolean
    readonly openid: string | null
  } | null
}

export interface PlacedOrder {
  readonly order: NewOrder
  /** Pays for the order on its pay page; null where the order has none. */
  readonly payToken: string | null
  /** What the channel gave; null = nobody is charged before the payer comes. */
  readonly presentation: Presentation | null
}

/** A number is drawn again this often; two draws alike in one second are one in millions. */
const NUMBER_DRAWS = 5

/**
 * The second half of the contract's section 4: duplicate order → throttle → channel → the order is stored PENDING →
 * charged, where its payer need not come first. The order is durable before any channel hears of it.
 */
export const placeOrder = Effect.fnUntraced(function* (command: PlaceOrder) {
  const [first, ...others] = yield* admittedCandidates(command)
  const { order, payToken } = yield* storeOrder(command, first)
  if (!order.charging) return { order, payToken, presentation: null } satisfies PlacedOrder

  const { jsapi } = order
  // An openid is of one AppID: only where the order names its AppID may another account take it.
  const takers = jsapi !== null && jsapi.appId === null ? [] : others
  const accounts: [OpenedAccount, ...Array<OpenedAccount>] = [first.account, ...takers.map(({ account }) => account)]
  const charge =
    jsapi === null || jsapi.openid === null ? { order } : { order, jsapi: { ...jsapi, openid: jsapi.openid } }
  const { presentation } = yield* uncertainOnceStored(order, chargeOrder(charge, accounts, 1))
  return { order, payToken, presentation } satisfies PlacedOrder
})

/** Duplicate order → throttle → channel. */
const admittedCandidates = Effect.fnUntraced(function* (command: PlaceOrder) {
  const throttle = yield* Throttle
  const channels = yield* Channels
  const { merchant } = command
  // Without a throttle nothing is observable between this look and the insert, which refuses duplicates by itself.
  if (throttle.applies(merchant)) {
    yield* refuseKnown(command)
    yield* throttle
      .take(merchant, command.clientIp, "order")
      // The call that took the slot may have been this very order, sent at the same moment.
      .pipe(Effect.tapErrorTag("ThrottleExceeded", () => refuseKnown(command)))
  }
  const [first, ...others] = yield* channels.candidates(merchant, command.channelCode, command.amountFen)
  if (first === undefined) {
    if (!throttle.applies(merchant)) yield* refuseKnown(command)
    return yield* new ChannelUnavailable({ orderNo: null })
  }
  return [first, ...others] as const
})

const refuseKnown = Effect.fnUntraced(function* ({ merchant, merchantOrderNo }: PlaceOrder) {
  const orders = yield* Orders
  if (yield* orders.known(merchant.id, merchantOrderNo)) return yield* new DuplicateOrder()
})

/** Stores the order PENDING; when this returns, the order is durable and no channel has heard of it. */
const storeOrder = Effect.fnUntraced(function* (command: PlaceOrder, candidate: Candidate) {
  const orders = yield* Orders
  const { nowMs } = yield* StoreClock
  const { reconcileScheduleMs } = yield* Settings
  const hasPayPage = command.payer !== null || candidate.product.flow === "jsapi"
  const payToken = hasPayPage ? newPayToken() : null
  for (let draw = 0; draw < NUMBER_DRAWS; draw++) {
    const order = draftOrder(command, candidate, payToken, { nowMs: nowMs(), reconcileScheduleMs })
    crashPoint("order.before-store")
    const created = orders.create(order).pipe(
      Effect.catchTag("StoreUnavailable", (failure) =>
        // The answer was lost, not the question: the order may be there.
        Effect.fail(failure.mayHaveHappened === true ? new ChargeUncertain({ orderNo: order.orderNo }) : failure)
      )
    )
    if ((yield* created) === "created") {
      crashPoint("order.stored")
      return { order, payToken }
    }
  }
  return yield* new StoreUnavailable({ store: "orders", cause: "no free order number after several draws" })
})

const draftOrder = (
  command: PlaceOrder,
  { account, product }: Candidate,
  payToken: string | null,
  now: { readonly nowMs: number; readonly reconcileScheduleMs: ReadonlyArray<number> }
): NewOrder => {
  const orderNo = newOrderNo(command.payer === null ? "QR" : "WX", command.merchant.id, now.nowMs)
  const createdAt = new Date(now.nowMs)
  const expiresAt = new Date(now.nowMs + command.expireMinutes * 60_000)
  const jsapi = payToken === null ? null : jsapiOrder(command.payer, payToken, { createdAt, expiresAt })
  return {
    merchantId: command.merchant.id,
    orderNo,
    merchantOrderNo: command.merchantOrderNo,
    channelCode: product.code,
    flow: product.flow,
    provider: account.provider.id,
    accountId: account.id,
    amountFen: command.amountFen,
    feeRateBp: account.feeRateBp,
    notifyUrl: command.notifyUrl,
    body: command.body,
    extra: command.extra,
    note: command.note,
    clientIp: command.clientIp,
    createdAt,
    expiresAt,
    reference: account.channel.reference?.({ orderNo, createdAt }) ?? {},
    jsapi,
    // A JSAPI order waits for its payer; every other one is charged as soon as it is stored.
    charging: jsapi === null || jsapi.openid !== null,
    nextCheckAt: firstCheckAt(createdAt, now.reconcileScheduleMs)
  }
}

/** A pay_url pays for ten minutes (contract section 6); a code pays for as long as the order that it was given for. */
const jsapiOrder = (
  payer: PlaceOrder["payer"],
  payToken: string,
  { createdAt, expiresAt }: { readonly createdAt: Date; readonly expiresAt: Date }
): JsapiOrder => {
  const payUntilMs = payer === null ? expiresAt.getTime() : createdAt.getTime() + PAY_TOKEN_MS
  return {
    ...(payer ?? { appId: null, miniProgram: false, openid: null }),
    tokenHash: payTokenHash(payToken),
    payUntil: new Date(Math.min(payUntilMs, expiresAt.getTime()))
  }
}
