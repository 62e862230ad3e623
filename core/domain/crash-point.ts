/** Places on an order's way where a process may die; what must be true afterwards is tested at each (tests/faults). */
export const CRASH_POINTS = [
  "order.before-store",
  "order.stored",
  "charge.answered",
  "notice.verified",
  "settle.committed",
  "notice.before-acknowledge",
  "webhook.leased",
  "webhook.pushed",
  "webhook.recorded",
  "reconcile.asked",
  "reconcile.closed-at-channel"
] as const

export type CrashPoint = (typeof CRASH_POINTS)[number]

let passing: ((point: CrashPoint) => void) | undefined

/** Says that a crash point is passed. Does nothing unless a test has armed it: the gateway itself never does. */
export const crashPoint = (point: CrashPoint): void => passing?.(point)

/** For tests: what happens when a point is passed. */
export const armCrashPoints = (hook: (point: CrashPoint) => void): void => {
  passing = hook
}
