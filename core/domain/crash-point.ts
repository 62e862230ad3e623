/** Points on an order's way where a process may die; tests/faults checks the outcome at each. */
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

let armedHook: ((point: CrashPoint) => void) | undefined

/** Marks that a crash point is passed. Does nothing unless a test has armed a hook; the gateway itself never does. */
export const crashPoint = (point: CrashPoint): void => armedHook?.(point)

/** For tests: sets what runs at every crash point. */
export const armCrashPoints = (hook: (point: CrashPoint) => void): void => {
  armedHook = hook
}
