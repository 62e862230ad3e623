import { randomUUID } from "node:crypto"
import { Clock, Context, Effect, Layer, Redacted } from "effect"
import type { StoreUnavailable } from "../../domain/errors.ts"
import { signingSecret } from "../../domain/merchant.ts"
import type { Order } from "../../domain/order.ts"
import { MerchantDirectory } from "../auth/merchant-directory.ts"
import type { NewWebhook } from "../persistence/outbox.ts"
import { type SettledMoney, webhookBody } from "./compose.ts"

/** Tells merchants what has been committed: makes each webhook once, and wakes the workers that push it. */
export class Notifier extends Context.Service<
  Notifier,
  {
    /** The webhook of an order that is about to be settled: its bytes and signature are fixed here for ever. */
    readonly webhookFor: (order: Order, settled: SettledMoney) => Effect.Effect<NewWebhook, StoreUnavailable>
    /** Says that a webhook is due now. */
    readonly wake: () => void
    /** Registers who is woken. */
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
            // A stored order has a merchant, and a merchant always has a live secret: anything else is our bug.
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
