import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { CRASH_POINTS, type CrashPoint } from "../../core/domain/crash-point.ts"
import { seeded } from "../harness/seeded.ts"
import { type GatewayUnderLoad, NOTHING_BROKEN, startUnderLoad } from "./gateway-under-load.ts"

/* kill -9 at every named point of an order's path, under load. The long run is run.ts. */

setDefaultTimeout(120_000)

/** Each gateway is killed at up to three points, one after the other, and judged once at the end. */
const RUNS: ReadonlyArray<ReadonlyArray<readonly [CrashPoint, passing: number]>> = [
  [
    ["order.before-store", 15],
    ["order.stored", 20],
    ["charge.answered", 25]
  ],
  [
    ["notice.verified", 10],
    ["settle.committed", 12],
    ["notice.before-acknowledge", 15]
  ],
  [
    ["webhook.leased", 10],
    ["webhook.pushed", 12],
    ["webhook.recorded", 14]
  ],
  [
    ["reconcile.asked", 5],
    ["reconcile.closed-at-channel", 2]
  ]
]

/** Waits until the gateway has died. The load passes every point but one: an expired order has to be made. */
const dies = async (underLoad: GatewayUnderLoad, point: CrashPoint): Promise<void> => {
  const over = underLoad.gateway.died(30_000)
  if (point === "reconcile.closed-at-channel") {
    const timer = setInterval(() => void underLoad.expireSome().catch(() => {}), 500)
    await over.finally(() => clearInterval(timer))
  }
  await over
}

test("every crash point has its place in a run", () => {
  expect(RUNS.flat().map(([point]) => point)).toEqual([...CRASH_POINTS])
})

describe.concurrent("a gateway that is killed", () => {
  test.each(
    RUNS.map((crashes, index) => [crashes.map(([point]) => point).join(", then at "), crashes, index] as const)
  )("at %s loses nothing, credits nothing twice and delivers every webhook within 30 s", async (_, crashes, index) => {
    const underLoad = await startUnderLoad({ random: seeded(index + 1) })
    try {
      for (const [point, passing] of crashes) {
        await underLoad.restart({ point, passing })
        await dies(underLoad, point)
        expect(underLoad.gateway.logs()).toContain(`CRASH ${point}:${passing}`)
      }
      await underLoad.restart()
      await underLoad.serves(20)
      const verdict = await underLoad.verdict("reconcile")
      expect(verdict).toMatchObject(NOTHING_BROKEN)
      expect(verdict.paid).toBeGreaterThan(10)
    } finally {
      await underLoad.close()
    }
  })
})

test("a gateway that is told to stop twice under load finishes what it has begun and loses nothing", async () => {
  const underLoad = await startUnderLoad({ random: seeded(11) })
  try {
    for (let stop = 0; stop < 2; stop++) {
      await underLoad.serves(40)
      await underLoad.restart()
    }
    await underLoad.serves(20)
    const verdict = await underLoad.verdict("all")
    expect(verdict).toMatchObject(NOTHING_BROKEN)
    expect(verdict.paid).toBeGreaterThan(10)
  } finally {
    await underLoad.close()
  }
})
