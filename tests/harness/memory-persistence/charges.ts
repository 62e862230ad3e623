import { type AcceptedCharge, CHARGE_LEASE_MS, type Charges } from "../../../core/pipeline/persistence/charges.ts"
import type { OrderKey } from "../../../core/pipeline/persistence/orders.ts"
import type { MemoryStore } from "./store.ts"
import { type ChargeRow, isCharging, keyText, orderKey } from "./tables.ts"

/** Charges in memory: core/pipeline/persistence/charges.ts says what each method promises. */
export const makeCharges = ({ tables, nowMs, act, tell }: MemoryStore): Charges["Service"] => {
  const { orders, charges, accounts, merchants } = tables

  /** Keeps what came of an attempt; a second report of it changes nothing. */
  const keep = (charge: AcceptedCharge, outcome: ChargeRow["outcome"]) => {
    const key = keyText(orderKey(charge), charge.attempt)
    if (charges.has(key)) return
    const { merchantId, orderNo, provider, accountId, attempt, at, detail } = charge
    const durationMs = Math.round(charge.durationMs)
    charges.set(key, { merchantId, orderNo, provider, accountId, attempt, at, durationMs, outcome, detail })
  }

  /** Whether neither the merchant nor the account is stopped. */
  const isPermitted = (merchantId: number, accountId: string): boolean => {
    const account = accounts.get(accountId)
    const merchant = [...merchants.values()].find(({ id }) => id === merchantId)
    return (account === undefined || (account.enabled && !account.removed)) && merchant?.active !== false
  }

  const areRefused = (charge: OrderKey & { readonly attempt: number }): boolean =>
    Array.from({ length: charge.attempt - 1 }, (_, i) => charges.get(keyText(orderKey(charge), i + 1))?.outcome).every(
      (outcome) => outcome === "rejected"
    )

  return {
    permits: (key) =>
      act("charges.permits", () => {
        const order = orders.get(orderKey(key))?.order
        return order !== undefined && isPermitted(order.merchantId, order.accountId)
      }),

    begin: ({ payer, ...key }) =>
      act("charges.begin", () => {
        const now = nowMs()
        const row = orders.get(orderKey(key))
        if (row?.order.status !== "PENDING" || row.order.expiresAt.getTime() <= now) return "over"
        const { order } = row
        if (!isPermitted(order.merchantId, order.accountId)) return "stopped"
        const bound = order.jsapi?.openid ?? null
        if (isCharging(tables, row, now) || (payer !== undefined && bound !== null && bound !== payer)) return "busy"
        const attempts = row.attempts + 1
        const jsapi = order.jsapi && { ...order.jsapi, openid: bound ?? payer ?? null }
        orders.set(orderKey(key), {
          ...row,
          order: { ...order, jsapi },
          attempts,
          chargingUntilMs: now + CHARGE_LEASE_MS
        })
        if (payer !== undefined && bound === null) tell(key, "payer", {})
        return attempts
      }),

    refusePayer: ({ payer, ...charge }) =>
      act("charges.refusePayer", () => {
        keep(charge, "rejected")
        const row = orders.get(orderKey(charge))
        if (row?.order.status !== "PENDING" || row.attempts !== charge.attempt) return false
        const { jsapi } = row.order
        const released = jsapi?.openid === payer && areRefused(charge)
        const order = released ? { ...row.order, jsapi: { ...jsapi, openid: null } } : row.order
        orders.set(orderKey(charge), { ...row, order, chargingUntilMs: null })
        if (released) tell(charge, "payer.released", {})
        return released
      }),

    onlyRefusedBefore: (charge) => act("charges.onlyRefusedBefore", () => areRefused(charge)),

    recordLogin: ({ outcome, detail, ...key }) =>
      act("charges.recordLogin", () => tell(key, `login.${outcome}`, detail)),

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
        if (row !== undefined && !isPermitted(row.order.merchantId, accountId)) return "stopped"
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
