import { type AcceptedCharge, CHARGE_LEASE_MS, type Charges } from "../../../core/pipeline/persistence/charges.ts"
import type { MemoryStore } from "./store.ts"
import { type ChargeRow, isCharging, keyText, orderKey } from "./tables.ts"

/** Charges in memory: core/pipeline/persistence/charges.ts says what each method promises. */
export const makeCharges = ({ tables, nowMs, act, tell }: MemoryStore): Charges["Service"] => {
  const { orders, charges } = tables

  /** Keeps what came of an attempt; a second report of it changes nothing. */
  const keep = (charge: AcceptedCharge, outcome: ChargeRow["outcome"]) => {
    const key = keyText(orderKey(charge), charge.attempt)
    if (charges.has(key)) return
    const { merchantId, orderNo, provider, accountId, attempt, at, detail } = charge
    const durationMs = Math.round(charge.durationMs)
    charges.set(key, { merchantId, orderNo, provider, accountId, attempt, at, durationMs, outcome, detail })
  }

  return {
    begin: (key) =>
      act("charges.begin", () => {
        const now = nowMs()
        const row = orders.get(orderKey(key))
        if (row?.order.status !== "PENDING" || row.order.expiresAt.getTime() <= now) return "over"
        if (isCharging(tables, row, now)) return "busy"
        const attempts = row.attempts + 1
        orders.set(orderKey(key), { ...row, attempts, chargingUntilMs: now + CHARGE_LEASE_MS })
        return attempts
      }),

    record: (charge) =>
      act("charges.record", () => {
        keep(charge, charge.outcome)
        const row = orders.get(orderKey(charge))
        if (row?.order.status !== "PENDING") return false
        // A charge that reports after its lease does not end the lease of the one that has begun since.
        const isOver = charge.final && charge.attempt >= row.attempts
        const presentation = charge.presentation ?? row.order.presentation
        orders.set(orderKey(charge), {
          ...row,
          order: { ...row.order, presentation },
          chargingUntilMs: isOver ? null : row.chargingUntilMs
        })
        return true
      }),

    recordAccepted: (charge) => act("charges.recordAccepted", () => keep(charge, "accepted")),

    moveToAccount: (charge, { provider, accountId, feeRateBp, reference }) =>
      act("charges.moveToAccount", () => {
        const row = orders.get(orderKey(charge))
        if (row?.order.status !== "PENDING" || row.attempts !== charge.attempt) return null
        const attempts = row.attempts + 1
        orders.set(orderKey(charge), {
          ...row,
          order: { ...row.order, provider, accountId, feeRateBp, reference },
          attempts,
          chargingUntilMs: nowMs() + CHARGE_LEASE_MS
        })
        tell(charge, "account", { provider, accountId, feeRateBp })
        return attempts
      })
  }
}
