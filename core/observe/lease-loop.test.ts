import { expect, test } from "bun:test"
import { Deferred, Effect, Layer, Logger, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { StoreUnavailable } from "../domain/errors.ts"
import { type LeasedWork, leaseLoop } from "./lease-loop.ts"

/** Items that are due, and what the loop has made of them. */
interface Bench {
  readonly due: Array<string>
  /** The limit of each lease that was asked for. */
  readonly limits: Array<number>
  readonly begun: Array<string>
  readonly ended: Array<string>
  readonly wake: () => void
  /** Lets an item that is under way end. */
  readonly finish: (item: string) => Effect.Effect<void>
}

interface Options {
  readonly underWayMax?: number
  readonly leasedMax?: number
  /** What becomes of an item; it ends at `finish` where absent. */
  readonly work?: (item: string) => Effect.Effect<void, Error>
  /** Fails this many leases. */
  readonly away?: number
  /** What happens between a lease's question and its answer. */
  readonly whileAsked?: (bench: Pick<Bench, "due" | "wake">) => void
}

/** Runs a loop that sweeps every second of the test's clock. */
const running = (options: Options, act: (bench: Bench) => Effect.Effect<void, never, Scope.Scope>): Promise<void> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const bench = {
          due: [] as Array<string>,
          limits: [] as Array<number>,
          begun: [] as Array<string>,
          ended: [] as Array<string>
        }
        const underWay = new Map<string, Deferred.Deferred<void>>()
        let away = options.away ?? 0
        let wake = () => {}
        const finished = Effect.fnUntraced(function* (item: string) {
          const done = yield* Deferred.make<void>()
          underWay.set(item, done)
          yield* Deferred.await(done)
        })
        const work: LeasedWork<string, Error, never>["work"] = (item) =>
          Effect.suspend(() => {
            bench.begun.push(item)
            return (options.work ?? finished)(item)
          }).pipe(Effect.ensuring(Effect.sync(() => void bench.ended.push(item))))
        const loop = yield* leaseLoop({
          name: "items",
          underWayMax: options.underWayMax ?? 10,
          leasedMax: options.leasedMax ?? 10,
          sweepEvery: "1 second",
          lease: (limit) =>
            Effect.suspend(() => {
              bench.limits.push(limit)
              if (away-- > 0) return Effect.fail(new StoreUnavailable({ store: "test" }))
              const leased = bench.due.splice(0, limit)
              options.whileAsked?.({ due: bench.due, wake: () => wake() })
              return Effect.succeed(leased)
            }),
          work,
          fork: (effect) => Effect.forkDetach(Effect.ignoreCause(effect))
        })
        wake = loop.wake
        yield* act({
          ...bench,
          wake,
          finish: (item) =>
            Effect.suspend(() => {
              const done = underWay.get(item)
              return done === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(done, undefined))
            })
        })
      })
    ).pipe(Effect.provide(Layer.mergeAll(TestClock.layer(), Logger.layer([]))))
  )

/** Lets everything happen that needs no time: more turns than any test here takes. */
const settle = Effect.repeat(Effect.yieldNow, { times: 100 })

test("items that are due when the loop begins are done at once, those that come later at the next sweep", () =>
  running({}, ({ due, begun }) =>
    Effect.gen(function* () {
      due.push("a", "b")
      yield* settle
      expect(begun).toEqual(["a", "b"])
      due.push("c")
      yield* TestClock.adjust(999)
      expect(begun).toEqual(["a", "b"])
      yield* TestClock.adjust(1)
      expect(begun).toEqual(["a", "b", "c"])
    })
  ))

test("with nothing due, the store is asked once a sweep and no more", () =>
  running({}, ({ limits }) =>
    Effect.gen(function* () {
      yield* settle
      expect(limits).toHaveLength(1)
      yield* TestClock.adjust("10 seconds")
      expect(limits).toHaveLength(11)
    })
  ))

test("a wake that comes while the store is being asked is not lost", () => {
  let asked = 0
  const whileAsked: Options["whileAsked"] = ({ due, wake }) => {
    asked += 1
    if (asked > 1) return
    // Due too late for this look.
    due.push("a")
    wake()
  }
  return running({ whileAsked }, ({ begun }) =>
    Effect.gen(function* () {
      yield* settle
      expect(begun).toEqual(["a"])
    })
  )
})

test("a wake looks at once, and two are one look", () =>
  running({}, ({ due, begun, wake, limits }) =>
    Effect.gen(function* () {
      yield* settle
      due.push("a")
      wake()
      yield* settle
      expect(begun).toEqual(["a"])
      const before = limits.length
      wake()
      wake()
      yield* settle
      expect(limits.length).toBe(before + 1)
    })
  ))

test("no more are under way than `underWayMax`, and no more are leased at a time than `leasedMax`", () =>
  running({ underWayMax: 5, leasedMax: 2 }, ({ due, begun, limits, finish }) =>
    Effect.gen(function* () {
      due.push("a", "b", "c", "d", "e", "f", "g")
      yield* settle
      expect(begun).toEqual(["a", "b", "c", "d", "e"])
      expect(limits).toEqual([2, 2, 1])
      yield* TestClock.adjust("10 seconds")
      expect(begun).toHaveLength(5)
      // Nobody is asked for what could not be done.
      expect(limits).toHaveLength(3)
      // The end of one lets the next begin, without a sweep.
      yield* finish("b")
      yield* settle
      expect(begun).toEqual(["a", "b", "c", "d", "e", "f"])
      yield* finish("a")
      yield* finish("c")
      yield* settle
      expect(begun).toEqual(["a", "b", "c", "d", "e", "f", "g"])
    })
  ))

test("an item that fails or throws harms no other, and gives its place back", () =>
  running(
    {
      underWayMax: 1,
      work: (item) => {
        if (item === "throws") throw new Error("a bug")
        return item === "fails" ? Effect.fail(new Error("its own trouble")) : Effect.void
      }
    },
    ({ due, begun, ended }) =>
      Effect.gen(function* () {
        due.push("fails", "throws", "dies", "well")
        yield* settle
        expect(begun).toEqual(["fails", "throws", "dies", "well"])
        expect(ended).toEqual(begun)
      })
  ))

test("a store that does not answer is asked again at the next sweep, however often it fails", () =>
  running({ away: 3 }, ({ due, begun, limits }) =>
    Effect.gen(function* () {
      due.push("a")
      yield* settle
      expect([limits.length, begun.length]).toEqual([1, 0])
      yield* TestClock.adjust("2 seconds")
      expect([limits.length, begun.length]).toEqual([3, 0])
      yield* TestClock.adjust("1 second")
      expect(begun).toEqual(["a"])
    })
  ))

test("the loop ends with its scope; what is under way goes on", async () => {
  let left: Bench | undefined
  await running({}, (bench) =>
    Effect.gen(function* () {
      left = bench
      bench.due.push("a")
      yield* settle
      expect(bench.begun).toEqual(["a"])
    })
  )
  expect(left?.ended).toEqual([])
  const asked = left?.limits.length
  left?.due.push("b")
  left?.wake()
  await new Promise((resolve) => setImmediate(resolve))
  expect(left?.limits.length).toBe(asked ?? 0)
  await Effect.runPromise(left?.finish("a") ?? Effect.void)
  await new Promise((resolve) => setImmediate(resolve))
  expect(left?.ended).toEqual(["a"])
})

test("an item whose work throws at once takes no slot, and the others of its lease begin", async () => {
  const begun: Array<string> = []
  const leases = [["bad", "good"], ["bad", "good"], []]
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        yield* leaseLoop({
          name: "items",
          underWayMax: 2,
          leasedMax: 2,
          sweepEvery: "1 second",
          lease: (limit) => Effect.sync(() => (limit === 2 ? (leases.shift() ?? []) : [])),
          work: (item) => {
            if (item === "bad") throw new Error("no effect")
            return Effect.sync(() => void begun.push(item))
          },
          fork: (effect) => effect.pipe(Effect.ignore, Effect.forkChild)
        })
        yield* settle
        yield* TestClock.adjust("3 seconds")
      })
    ).pipe(Effect.provide(Layer.mergeAll(TestClock.layer(), Logger.layer([]))))
  )
  expect(begun).toEqual(["good", "good"])
})
