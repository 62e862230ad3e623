import { writeSync } from "node:fs"
import process from "node:process"
import { armCrashPoints, CRASH_POINTS, type CrashPoint } from "../../core/domain/crash-point.ts"

/*
 * Loaded before payhub.ts (`bun --preload`, `deno run --preload`), so that the front door itself stays as it is:
 * PAYHUB_TEST_CRASH="order.stored:3" makes the process kill itself with SIGKILL when it passes that point the third
 * time. Without the variable nothing is armed.
 */

/** A point and the passing, from 1, at which the process dies there. */
export interface Crash {
  readonly point: CrashPoint
  readonly passing: number
}

export const CRASH_VARIABLE = "PAYHUB_TEST_CRASH"

/** What PAYHUB_TEST_CRASH is set to. */
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
    // The signal is on its way: not one more instruction of the gateway's may run.
    for (;;);
  })
}
