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
import { Bulkheads, type TakeRoom } from "./bulkheads.ts"
import { type Candidate, Channels } from "./channels.ts"
import { chargeOrder } from "./charge.ts"
import type { OpenedAccount } from "./opened-account.ts"
import { newPayToken, PAY_TOKEN_MS, payTokenHash } from "./pay-token.ts"
import { firstCheckAt } from "./reconcile-schedule.ts"
import { uncertainOnceStored } from "./uncertain.ts"

/** An order that an authenticated merchant requests; the door has validated every field. */
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
   * The payer of an order that is made for payment inside WeChat (contract section 6). null = anybody who is shown the
   * order's code (section 5); the payer of a JSAPI product is then known once the pay page is opened.
   */
  readonly payer: {
    readonly appId: string | null
    readonly miniProgram: boolean
    readonly openid: string | null
  } | null
}

export interface PlacedOrder {
  readonly order: NewOrder
  /** The credential of the order's pay page; null = the order has no pay page. */
  readonly payToken: string | null
  /** What the channel returned; null = the order is charged once its payer comes. */
  readonly presentation: Presentation | null
}

/** Draws of an order number before giving up; two equal draws within one second are one in millions. */
const NUMBER_DRAWS_MAX = 5

/**
 * Places an order, the second half of the contract's section 4: duplicate order → throttle → channel → the order is
 * stored PENDING → charged, unless its payer has to come first. The order is durable before any channel is called.
 * Fails with Overloaded, and stores nothing, if too many orders wait for the accounts that could take it.
 */
export const placeOrder = Effect.fnUntraced(function* (command: PlaceOrder) {
  const bulkheads = yield* Bulkheads
  const [first, ...others] = yield* admittedCandidates(command)
  // An openid is valid for one AppID: another account may take the order only if the order names its AppID.
  const takers = command.payer?.appId === null ? [] : others
  return yield* bulkheads.whileWaiting({ merchantId: command.merchant.id }, (take) =>
    placeAt(command, [first, ...takers], take)
  )
})

/** Stores the order at the first candidate that has room, and charges it. */
const placeAt = Effect.fnUntraced(function* (
  command: PlaceOrder,
  candidates: readonly [Candidate, ...Array<Candidate>],
  take: TakeRoom
) {
  // An order that is charged later does not wait for a channel now.
  const at = candidates.findIndex(({ account, product }) => !isChargedAtOnce(command, product) || take(account))
  const [candidate, ...others] = at < 0 ? [] : candidates.slice(at)
  if (candidate === undefined) return yield* (yield* Bulkheads).refuse(command.merchant.id, candidates[0].account)
  const { order, payToken } = yield* storeOrder(command, candidate)
  if (!order.charging) return { order, payToken, presentation: null } satisfies PlacedOrder

  const { jsapi } = order
  const charge =
    jsapi === null || jsapi.openid === null ? { order } : { order, jsapi: { ...jsapi, openid: jsapi.openid } }
  const accounts = accountsWithRoom(candidate.account, others, take)
  const { presentation } = yield* uncertainOnceStored(order, chargeOrder(charge, accounts, 1))
  return { order, payToken, presentation } satisfies PlacedOrder
})

/** A JSAPI order without an openid waits for its payer; every other order is charged as soon as it is stored. */
const isChargedAtOnce = ({ payer }: PlaceOrder, product: Candidate["product"]): boolean =>
  payer === null ? product.flow !== "jsapi" : payer.openid !== null

/** The account where the order is stored, then each other one that has room when it is its turn. */
function* accountsWithRoom(
  first: OpenedAccount,
  others: ReadonlyArray<Candidate>,
  take: TakeRoom
): Generator<OpenedAccount, undefined> {
  yield first
  for (const { account } of others) if (take(account)) yield account
}

/** Duplicate order → throttle → channel: the accounts that may take the order, best first. */
const admittedCandidates = Effect.fnUntraced(function* (command: PlaceOrder) {
  const throttle = yield* Throttle
  const channels = yield* Channels
  const { merchant } = command
  // Without a throttle this look-up is not needed: the insert refuses duplicates, and nothing in between is observable.
  if (throttle.applies(merchant)) {
    yield* refuseKnown(command)
    yield* throttle
      .take(merchant, command.clientIp, "order")
      // The slot may have gone to the same order, sent twice at the same moment: it is then answered as a duplicate.
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

/** Stores the order PENDING; when this returns, the order is durable and no channel has been called. */
const storeOrder = Effect.fnUntraced(function* (command: PlaceOrder, candidate: Candidate) {
  const orders = yield* Orders
  const { nowMs } = yield* StoreClock
  const { reconcileScheduleMs } = yield* Settings
  const hasPayPage = command.payer !== null || candidate.product.flow === "jsapi"
  const payToken = hasPayPage ? yield* newPayToken : null
  for (let draw = 0; draw < NUMBER_DRAWS_MAX; draw++) {
    const order = draftOrder(command, candidate, payToken, { nowMs: nowMs(), reconcileScheduleMs })
    crashPoint("order.before-store")
    const created = orders.create(order).pipe(
      Effect.catchTag("StoreUnavailable", (failure) =>
        // The store's answer was lost: the order may have been stored.
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
    charging: isChargedAtOnce(command, product),
    nextCheckAt: firstCheckAt(createdAt, now.reconcileScheduleMs)
  }
}

/** A pay_url can pay for ten minutes (contract section 6); an order's code can pay until the order expires. */
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
