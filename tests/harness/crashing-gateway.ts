import { writeSync } from "node:fs"
import process from "node:process"
import { armCrashPoints, CRASH_POINTS, type CrashPoint } from "../../core/domain/crash-point.ts"

/*
 * Loaded before payhub.ts (`bun --preload`, `deno run --preload`), so that payhub.ts itself needs no switch for tests:
 * PAYHUB_TEST_CRASH="order.stored:3" makes the process send itself SIGKILL when it passes that point for the third time.
 * Without the variable nothing is armed.
 */

/** A crash point and the passing of it, counted from 1, at which the process dies. */
export interface Crash {
  readonly point: CrashPoint
  readonly passing: number
}

export const CRASH_VARIABLE = "PAYHUB_TEST_CRASH"

/** The value for PAYHUB_TEST_CRASH. */
export const crashText = ({ point, passing }: Crash): string => `${point}:${passing}`

const crashOf = (text: string): Crash => {
  const [name, count] = text.split(":")
  const point = CRASH_POINTS.find((known) => known === name)
  const passing = Number(count)
  if (point === undefined || !Number.isInteger(passing) || passing < 1) {
    throw new Error(`${CRASH_VARIABLE} must be POINT:N with one of ${CRASH_POINTS.join(", ")}, but it is "${text}"`)
  }
  return { point, passing }
}

const asked = process.env[CRASH_VARIABLE]
if (asked !== undefined && asked !== "") {
  const { point, passing } = crashOf(asked)
  let passed = 0
  armCrashPoints((now) => {
    if (now !== point || ++passed < passing) return
    writeSync(2, `CRASH ${asked}\n`)
    process.kill(process.pid, "SIGKILL")
    // The signal is on its way: no further instruction of the gateway may run.
    for (;;);
  })
}
