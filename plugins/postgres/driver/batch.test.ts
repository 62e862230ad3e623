import { expect, test } from "bun:test"
import { setImmediate as nextTurn } from "node:timers/promises"
import { Effect, Fiber } from "effect"
import { until } from "../../../tests/harness/until.ts"
import { makeBatch } from "./batch.ts"

/** A batch whose statements end when the test says so, and are slow by then only where the test is about that. */
const heldBatch = (slowMs = 60_000) => {
  const statements: Array<{
    readonly items: ReadonlyArray<number>
    readonly end: () => void
    readonly fail: () => void
  }> = []
  const call = makeBatch(
    (items: ReadonlyArray<number>) =>
      new Promise<ReadonlyArray<number>>((resolve, reject) => {
        statements.push({
          items,
          end: () => resolve(items.map((item) => item * 2)),
          fail: () => reject(new Error("gone"))
        })
      }),
    slowMs
  )
  return { statements, call: (item: number) => Effect.runPromise(call(item)), effect: call }
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

test("what arrives in one turn goes together, and each is answered its own", async () => {
  const { statements, call } = heldBatch()
  const answers = Promise.all(range(1, 5).map(call))
  await until("a statement", () => statements.length === 1)
  expect(statements[0]?.items).toEqual([1, 2, 3, 4, 5])
  statements[0]?.end()
  expect(await answers).toEqual([2, 4, 6, 8, 10])
})

test("while one is under way the next gathers", async () => {
  const { statements, call } = heldBatch()
  const first = call(1)
  await until("the first", () => statements.length === 1)
  const others = Promise.all(range(2, 3).map(call))
  await nextTurn()
  await nextTurn()
  expect(statements.length).toBe(1)
  statements[0]?.end()
  await until("the second", () => statements.length === 2)
  expect(statements[1]?.items).toEqual([2, 3, 4])
  statements[1]?.end()
  expect([await first, ...(await others)]).toEqual([2, 4, 6, 8])
})

test("callers that come back go by halves: one half is stored while the other is prepared", async () => {
  for (const comesBack of ["at once", "late"] as const) {
    const { statements, call } = heldBatch()
    let over = false
    const caller = async (item: number): Promise<void> => {
      while (!over) {
        await call(item)
        // The next statement leaves before these have called again.
        if (comesBack === "late") for (let turn = 0; turn < 3; turn += 1) await nextTurn()
      }
    }
    const callers = Promise.all(range(0, 128).map(caller))
    const sizes: Array<number> = []
    for (let sent = 0; sent < 8; sent += 1) {
      await until("a statement", () => statements.length > sent)
      sizes.push(statements[sent]?.items.length ?? 0)
      if (sent === 7) over = true
      for (let turn = 0; turn < 5; turn += 1) await nextTurn()
      statements[sent]?.end()
    }
    expect(sizes).toEqual(new Array(8).fill(64))
    await until("the last", () => statements.length === 9)
    statements[8]?.end()
    await callers
  }
})

test("a statement that stands still holds up nobody behind it for long", async () => {
  const { statements, call } = heldBatch(20)
  const stuck = call(1)
  await until("the first", () => statements.length === 1)
  const second = call(2)
  await until("another goes beside it", () => statements.length === 2)
  statements[1]?.end()
  expect(await second).toBe(4)
  statements[0]?.end()
  expect(await stuck).toBe(2)
})

test("two stand still: the others wait until one of them ends, well or not", async () => {
  const { statements, call, effect } = heldBatch(20)
  const first = Effect.runPromise(Effect.result(effect(1)))
  await until("the first", () => statements.length === 1)
  const second = call(2)
  await until("the second", () => statements.length === 2)
  const others = Promise.all([call(3), call(4)])
  // Longer than it takes to be slow.
  await new Promise((resolve) => setTimeout(resolve, 120))
  expect(statements.length).toBe(2)
  statements[0]?.fail()
  expect((await first)._tag).toBe("Failure")
  await until("the third", () => statements.length === 3)
  expect(statements[2]?.items).toEqual([3, 4])
  statements[2]?.end()
  statements[1]?.end()
  expect([await second, ...(await others)]).toEqual([4, 6, 8])
})

test("who is interrupted before the batch has left is not in it", async () => {
  const { statements, call, effect } = heldBatch()
  const first = call(1)
  await until("the first", () => statements.length === 1)
  const gone = Effect.runFork(effect(2))
  const stays = call(3)
  await Effect.runPromise(Fiber.interrupt(gone))
  statements[0]?.end()
  await until("the second", () => statements.length === 2)
  expect(statements[1]?.items).toEqual([3])
  statements[1]?.end()
  expect([await first, await stays]).toEqual([2, 6])
})
