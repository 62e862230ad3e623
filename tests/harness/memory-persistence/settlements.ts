import { Effect } from "effect"
import { entriesOfPayment } from "../../../core/domain/ledger.ts"
import { receiverOf } from "../../../core/domain/notify-url.ts"
import type { Settlements } from "../../../core/pipeline/persistence/settlements.ts"
import { keepNotice } from "./notices.ts"
import { type MemoryStore, refused } from "./store.ts"
import { keyText, orderKey } from "./tables.ts"

/** The one way to PAID, in memory: core/pipeline/persistence/settlements.ts says what it promises. */
export const makeSettlements = ({ tables, nowMs, act, tell, emit }: MemoryStore): Settlements["Service"] => ({
  settle: ({ order: key, provider, payment, feeFen, actualFen, webhook, source, notice }) =>
    Effect.flatMap(
      act("settlements.settle", () => {
        const row = tables.orders.get(orderKey(key))
        if (row?.order.status !== "PENDING" || row.order.accountId !== key.accountId) return "not-pending"
        const { merchantId, orderNo, accountId, amountFen } = row.order
        if (feeFen < 0 || actualFen < 0 || feeFen + actualFen !== amountFen) return "refused"
        const { channelTradeNo, paidAt } = payment
        const trade = keyText(provider, channelTradeNo)
        if (tables.trades.has(trade)) return "trade-reused"

        tables.orders.set(orderKey(key), {
          ...row,
          order: { ...row.order, status: "PAID", paidAt, feeFen, actualFen, channelTradeNo },
          nextCheckMs: null
        })
        tables.trades.set(trade, { merchantId, orderNo })
        tell(key, "paid", { provider, channelTradeNo, amountFen: payment.amountFen, feeFen, actualFen, source })
        for (const entry of entriesOfPayment({ amountFen: payment.amountFen, actualFen, feeFen })) {
          tables.ledger.push({ merchantId, orderNo, accountId, ...entry })
        }
        keepNotice(tables, key, notice)
        tables.outbox.set(keyText(merchantId, webhook.eventId), {
          merchantId,
          orderNo,
          ...webhook,
          host: receiverOf(webhook.url),
          state: "due",
          attempts: 0,
          round: 0,
          dueMs: nowMs(),
          takeMs: nowMs(),
          createdAt: new Date(nowMs())
        })
        emit({ kind: "webhook-due" })
        return "settled"
      }),
      (answer) => (answer === "refused" ? refused : Effect.succeed(answer))
    )
})
