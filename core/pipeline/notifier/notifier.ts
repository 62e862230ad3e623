import { randomUUID } from "node:crypto"
import { Clock, Context, Effect, Layer, Redacted } from "effect"
import type { StoreUnavailable } from "../../domain/errors.ts"
import { signingSecret } from "../../domain/merchant.ts"
import { yuanText } from "../../domain/money.ts"
import { ORDER_STATUS, type Order } from "../../domain/order.ts"
import { canonicalString, hmacSha256 } from "../../domain/signature.ts"
import { localText } from "../../domain/time.ts"
import { MerchantDirectory } from "../auth/merchant-directory.ts"
import type { NewWebhook } from "../persistence/outbox.ts"

/** The money and time of a settlement, as its webhook states them. */
export interface SettledMoney {
  /** Whole fen; amount − fee. */
  readonly actualFen: number
  readonly paidAt: Date
}

/** Notifies merchants of what has been committed: makes each webhook once, and wakes the workers that push it. */
export class Notifier extends Context.Service<
  Notifier,
  {
    /** The webhook of an order that is about to be settled; its bytes and signature never change afterwards. */
    readonly webhookFor: (order: Order, settled: SettledMoney) => Effect.Effect<NewWebhook, StoreUnavailable>
    /** Tells the workers of this process that a webhook is due now. */
    readonly wake: () => void
    /** Registers a listener that `wake` calls. */
    readonly onWake: (listener: () => void) => void
  }
>()("payhub/pipeline/Notifier") {
  /** @param zone IANA zone of `pay_time` */
  static readonly layer = (zone: string): Layer.Layer<Notifier, never, MerchantDirectory> =>
    Layer.effect(
      Notifier,
      Effect.gen(function* () {
        const directory = yield* MerchantDirectory
        const clock = yield* Clock.Clock
        const listeners = new Set<() => void>()
        return Notifier.of({
          webhookFor: Effect.fnUntraced(function* (order, settled) {
            const known = yield* directory.byId(order.merchantId)
            const secret = known === null ? undefined : signingSecret(known.secrets, clock.currentTimeMillisUnsafe())
            // A stored order has a merchant and a merchant always has a live secret; anything else is a bug of ours.
            if (secret === undefined) return yield* Effect.die(new Error(`merchant ${order.merchantId} has no secret`))
            return {
              eventId: `evt_${randomUUID().replaceAll("-", "")}`,
              url: order.notifyUrl,
              body: webhookBody(order, settled, zone, Redacted.value(secret.secret))
            }
          }),
          wake: () => {
            for (const listener of listeners) listener()
          },
          onWake: (listener) => void listeners.add(listener)
        })
      })
    )
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
