import { afterEach, expect, setDefaultTimeout, setSystemTime, test } from "bun:test"
import { Effect, Exit, Scope } from "effect"
import postgres from "postgres"
import { sharedPostgres } from "../../../tests/harness/postgres.ts"
import { until } from "../../../tests/harness/until.ts"
import { openStore } from "../fixture.ts"
import { lookAtClock, startClock } from "./store-clock.ts"

setDefaultTimeout(30_000)

afterEach(() => {
  setSystemTime()
})

test("the store's clock is the database's, whatever this machine's is set to", async () => {
  const url = await (await sharedPostgres()).createDatabase()
  const { store, close } = await openStore(url)
  const sql = postgres(url, { max: 1 })
  try {
    for (const setMs of [0, 600_000, -600_000]) {
      setSystemTime(new Date(Date.now() + setMs))
      const { aheadMs, tookMs } = await lookAtClock(sql)
      expect(Math.abs(store.clock.nowMs() - (performance.now() + aheadMs))).toBeLessThan(100 + tookMs)
      setSystemTime()
    }
  } finally {
    await sql.end()
    await close()
  }
})

test("a database's clock that is set is followed at the next look; one that is slow to answer or gone, is not", async () => {
  const gone = () => Promise.reject(new Error("gone"))
  const slow = async () => ({ aheadMs: 9_000_000, tookMs: 501 })
  const set = async () => ({ aheadMs: 5_000_000, tookMs: 500 })
  const looks = [gone, slow, set]
  let looked = 0
  const scope = Scope.makeUnsafe()
  const clock = await Effect.runPromise(
    startClock({ aheadMs: 1_000_000, tookMs: 3_000 }, () => (looks[looked++] ?? gone)(), 20).pipe(Scope.provide(scope))
  )
  const aheadMs = () => Math.round((clock.nowMs() - performance.now()) / 1_000_000)
  try {
    expect(aheadMs()).toBe(1)
    const seen: Array<number> = []
    await until("the third look to count", () => {
      seen.push(aheadMs())
      return seen.at(-1) === 5
    })
    expect(new Set(seen)).toEqual(new Set([1, 5]))
    await until("a look that fails", () => looked >= 4)
    expect(aheadMs()).toBe(5)
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
})
