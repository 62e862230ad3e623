import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { CRASH_POINTS, type CrashPoint } from "../../core/domain/crash-point.ts"
import { seeded } from "../harness/seeded.ts"
import { openScene, type Scene, WELL } from "./scene.ts"

/* kill -9 at every named point of an order's way, under load. The long run is run.ts. */

setDefaultTimeout(120_000)

/** Each scene is killed at three points, one after the other, and judged once at its end. */
const SCENES: ReadonlyArray<ReadonlyArray<readonly [CrashPoint, passing: number]>> = [
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

/** The load passes every point; an order that expires is made so. */
const dies = async (scene: Scene, point: CrashPoint): Promise<void> => {
  const over = scene.gateway.died(30_000)
  if (point === "reconcile.closed-at-channel") {
    const timer = setInterval(() => void scene.expireSome().catch(() => {}), 500)
    await over.finally(() => clearInterval(timer))
  }
  await over
}

test("every crash point has its place in a scene", () => {
  expect(SCENES.flat().map(([point]) => point)).toEqual([...CRASH_POINTS])
})

describe.concurrent("a gateway that is killed", () => {
  test.each(
    SCENES.map((crashes, index) => [crashes.map(([point]) => point).join(", then at "), crashes, index] as const)
  )("at %s loses nothing, credits nothing twice, and tells of every payment within 30 s", async (_, crashes, index) => {
    const scene = await openScene({ random: seeded(index + 1) })
    try {
      for (const [point, passing] of crashes) {
        await scene.restart({ point, passing })
        await dies(scene, point)
        expect(scene.gateway.logs()).toContain(`CRASH ${point}:${passing}`)
      }
      await scene.restart()
      await new Promise((resolve) => setTimeout(resolve, 500))
      const verdict = await scene.verdict("reconcile")
      expect(verdict).toMatchObject(WELL)
      expect(verdict.paid).toBeGreaterThan(10)
    } finally {
      await scene.close()
    }
  })
})

test("a gateway that is told to stop under load, twice, ends what it has begun and loses nothing", async () => {
  const scene = await openScene({ random: seeded(11) })
  try {
    for (let stop = 0; stop < 2; stop++) {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await scene.restart()
    }
    await new Promise((resolve) => setTimeout(resolve, 500))
    const verdict = await scene.verdict("all")
    expect(verdict).toMatchObject(WELL)
    expect(verdict.paid).toBeGreaterThan(10)
  } finally {
    await scene.close()
  }
})
