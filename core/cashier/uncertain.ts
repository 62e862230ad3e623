import { Effect } from "effect"
import { ChargeUncertain, type StoreUnavailable } from "../domain/errors.ts"
import type { Order } from "../domain/order.ts"

/**
 * Once an order is stored, no failure may look as if nothing had happened: an unavailable store and a bug of ours both
 * become ChargeUncertain with the order's number, and reconcile keeps asking the channel.
 */
export const uncertainOnceStored = <A, E, R>(
  { orderNo }: Pick<Order, "orderNo">,
  effect: Effect.Effect<A, E | StoreUnavailable, R>
): Effect.Effect<A, Exclude<E, StoreUnavailable> | ChargeUncertain, R> =>
  effect.pipe(
    Effect.catchIf(
      (error): error is (E | StoreUnavailable) & StoreUnavailable => isStoreUnavailable(error),
      (error) => failUncertain(orderNo, error)
    ),
    Effect.catchDefect((defect) => failUncertain(orderNo, defect))
  ) as Effect.Effect<A, Exclude<E, StoreUnavailable> | ChargeUncertain, R>

const isStoreUnavailable = (error: unknown): error is StoreUnavailable =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "StoreUnavailable"

const failUncertain = (orderNo: string, cause: unknown) =>
  Effect.logError("an order's charge was cut short", { order_no: orderNo, cause: String(cause) }).pipe(
    Effect.andThen(Effect.fail(new ChargeUncertain({ orderNo })))
  )
