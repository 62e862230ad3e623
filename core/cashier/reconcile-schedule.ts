import type { Order } from "../domain/order.ts"

/** Charges begun before the expiry have ended by then, so closing cannot overtake one. */
export const CLOSE_GRACE_MS = 30_000

/** After this long past its expiry nobody asks about an order any more; a notice still counts. */
export const GIVE_UP_AFTER_EXPIRY_MS = 24 * 3_600_000

/** When an order is first asked about. @param scheduleMs the ages of section 2 of the architecture, ascending */
export const firstCheckAt = (createdAt: Date, scheduleMs: ReadonlyArray<number>): Date =>
  new Date(createdAt.getTime() + (scheduleMs[0] ?? 30_000))

/**
 * When an order that is PENDING now is asked about again: at the next of the schedule's ages, then each time the last
 * one has passed; at its expiry in any case; never (null) a day after it.
 */
export const nextCheckAt = (
  order: Pick<Order, "createdAt" | "expiresAt">,
  scheduleMs: ReadonlyArray<number>,
  nowMs: number
): Date | null => {
  const closeMs = order.expiresAt.getTime() + CLOSE_GRACE_MS
  if (nowMs > order.expiresAt.getTime() + GIVE_UP_AFTER_EXPIRY_MS) return null
  const ageMs = nowMs - order.createdAt.getTime()
  const stepMs = scheduleMs.find((step) => step > ageMs)
  const dueMs = stepMs === undefined ? nowMs + (scheduleMs.at(-1) ?? 600_000) : order.createdAt.getTime() + stepMs
  return new Date(nowMs < closeMs ? Math.min(dueMs, closeMs) : dueMs)
}
