import { Effect } from "effect"
import type { ChargeState } from "../channel/provider.ts"
import type { Order } from "../domain/order.ts"
import { chargeRefOf } from "./charge.ts"
import type { OpenedAccount } from "./opened-account.ts"

/** What a channel says of an order; `unknown` = it could not say, which is logged. */
export type AskedState = ChargeState | { readonly state: "unknown" }

/** Asks an order's channel, with the account's own signature, what has become of the order. Changes nothing. */
export const askState = (order: Order, account: OpenedAccount): Effect.Effect<AskedState> =>
  account
    .act(() => account.channel.query(chargeRefOf(order)), [])
    .pipe(
      Effect.catch((failure) =>
        Effect.logWarning("a channel could not say whether an order is paid", {
          order_no: order.orderNo,
          reason: failure.message
        }).pipe(Effect.as({ state: "unknown" as const }))
      )
    )

/** Whether the channel has been asked to take the order: a JSAPI order without a payer is unknown to its channel. */
export const isCharged = (order: Order): boolean => order.jsapi === null || order.jsapi.openid !== null
