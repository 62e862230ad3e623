import type { Order } from "../domain/order.ts"

/** Time from an order's expiry to its closing: a charge begun before the expiry has ended by then. */
export const CLOSE_GRACE_MS = 30_000

/** An order is no longer checked once its expiry is this long ago; a notice still settles it. */
export const GIVE_UP_AFTER_EXPIRY_MS = 24 * 3_600_000

/** When an order is first checked. @param scheduleMs ages in ms, ascending (architecture section 2) */
export const firstCheckAt = (createdAt: Date, scheduleMs: ReadonlyArray<number>): Date =>
  new Date(createdAt.getTime() + (scheduleMs[0] ?? 30_000))

/**
 * When an order that is still PENDING is checked next: at the schedule's next age; past the last age, each time that
 * age has passed again; in any case when it is due to be closed; null (never) from a day after its expiry.
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
