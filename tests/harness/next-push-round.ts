import { FAILURE, SUCCESS, type WebhookReceiver } from "./webhook-receiver.ts"

/**
 * Shows that no further webhook is coming, without a fixed wait: pays one more order whose first push is refused, and
 * waits for its second. Webhooks are pushed in the order in which they fall due, so a push that was due earlier, or a
 * retry of one that had been answered earlier, arrives before this resolves.
 * Takes the first wait of the gateway's PAYHUB_WEBHOOK_SCHEDULE.
 * @param payOrder places an order with this notify_url at that gateway and pays it
 */
export const nextPushRound = async (
  receiver: WebhookReceiver,
  payOrder: (notifyUrl: string) => Promise<unknown>
): Promise<void> => {
  const marker = receiver.inbox(FAILURE, SUCCESS)
  await payOrder(marker.url)
  await marker.waitFor(2, 30_000)
}
