import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Fiber, type Scope } from "effect"
import { bookkeeper, makeBook } from "../../tests/harness/bookkeeper.ts"
import { seeded } from "../../tests/harness/seeded.ts"
import { Bulkheads, type TakeRoom } from "./bulkheads.ts"

const live = bookkeeper(makeBook())
const test_ = { ...live, testMode: { newAccount: () => ({}), feeRateBp: 0, bridgeScript: "" } }
type Mode = "live" | "test"
const MAX: { readonly [M in Mode]: number } = { live: 3_000, test: 1_000 }
const accountOf = (id: string, mode: Mode = "live") => ({ id, provider: mode === "live" ? live : test_ })

type End = "succeed" | "fail" | "throw" | "interrupt"

/** Somebody who waits until `end`; `took` says whether there was room for him. */
interface Waiter {
  readonly take: TakeRoom
  readonly took: boolean
  readonly end: (how: End) => Effect.Effect<void>
}

/** Lets orders wait at accounts. */
const bench = Effect.fnUntraced(function* () {
  const bulkheads = yield* Bulkheads
  const wait = Effect.fnUntraced(function* (
    merchantId: number,
    accountId: string,
    options: { readonly mode?: Mode; readonly orderNo?: string } = {}
  ) {
    const ending = yield* Deferred.make<void, Error>()
    const begun = yield* Deferred.make<{ readonly take: TakeRoom; readonly took: boolean }>()
    const { mode = "live", ...ofOrder } = options
    const fiber = yield* Effect.forkDetach(
      bulkheads.whileWaiting({ merchantId, ...ofOrder }, (take) =>
        Effect.andThen(
          Deferred.succeed(begun, { take, took: take(accountOf(accountId, mode)) }),
          Deferred.await(ending)
        )
      ),
      { startImmediately: true }
    )
    const { take, took } = yield* Deferred.await(begun)
    const end: Waiter["end"] = (how) =>
      Effect.gen(function* () {
        if (how === "succeed") yield* Deferred.succeed(ending, undefined)
        if (how === "fail") yield* Deferred.fail(ending, new Error("refused"))
        if (how === "throw") yield* Deferred.die(ending, new Error("a bug"))
        if (how === "interrupt") yield* Fiber.interrupt(fiber)
        yield* Fiber.await(fiber)
      })
    return { take, took, end } satisfies Waiter
  })
  /** How many find room one after another, until one does not. */
  const fill = Effect.fnUntraced(function* (...args: Parameters<typeof wait>) {
    const waiters: Array<Waiter> = []
    for (;;) {
      const waiter = yield* wait(...args)
      if (!waiter.took) return waiters
      waiters.push(waiter)
    }
  })
  return { wait, fill }
})

type Bench = Effect.Success<ReturnType<typeof bench>>

const running = (act: (bench: Bench) => Effect.Effect<void, never, Scope.Scope | Bulkheads>): Promise<void> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(bench(), act)).pipe(Effect.provide(Bulkheads.layer)))

describe("orders that wait for a channel", () => {
  test("of one merchant alone fill a good quarter of the places, and another account or merchant finds room at once", () =>
    running(({ wait, fill }) =>
      Effect.gen(function* () {
        expect(yield* fill(1, "slow")).toHaveLength(804)
        expect((yield* wait(1, "other")).took).toBe(true)
        expect((yield* wait(2, "slow")).took).toBe(true)
        expect((yield* wait(2, "other")).took).toBe(true)
      })
    ))

  test("of many merchants at one account leave the most places to other accounts", () =>
    running(({ wait, fill }) =>
      Effect.gen(function* () {
        let atSlow = 0
        for (let merchant = 1; merchant <= 2_000; merchant++) if ((yield* wait(merchant, "slow")).took) atSlow++
        expect(atSlow).toBeGreaterThan(1_100)
        expect(atSlow).toBeLessThanOrEqual(1_146)
        expect((yield* fill(3_000, "other")).length).toBeGreaterThan(300)
      })
    ))

  test.each([1, 2, 10, 100])(
    "of %d hanging merchants, each at an account of its own, leave room for one more",
    (hanging) =>
      running(({ wait, fill }) =>
        Effect.gen(function* () {
          for (let merchant = 1; merchant <= hanging; merchant++) yield* fill(merchant, `slow ${merchant}`)
          expect((yield* wait(0, "quick")).took).toBe(true)
        })
      )
  )

  test("of test mode never take a live order's room, nor live ones a test order's", () =>
    running(({ wait, fill }) =>
      Effect.gen(function* () {
        for (let merchant = 1; merchant <= 2_000; merchant++)
          yield* wait(merchant, `sandbox ${merchant}`, { mode: "test" })
        expect(yield* fill(5_000, "live")).toHaveLength(804)
        for (let merchant = 5_001; merchant <= 9_000; merchant++) yield* wait(merchant, `live ${merchant}`)
      })
    ))

  test("of one order's payers fill its visits and not their merchant's share", () =>
    running(({ wait, fill }) =>
      Effect.gen(function* () {
        const visits = yield* fill(1, "slow", { orderNo: "WX1" })
        expect(visits).toHaveLength(16)
        expect((yield* wait(1, "slow", { orderNo: "WX2" })).took).toBe(true)
        expect((yield* wait(1, "slow")).took).toBe(true)
        yield* visits[0]?.end("fail") ?? Effect.void
        expect((yield* wait(1, "slow", { orderNo: "WX1" })).took).toBe(true)
      })
    ))

  test("keep their place if the account that they would move to has no room", () =>
    running(({ wait, fill }) =>
      Effect.gen(function* () {
        const [first] = yield* fill(1, "slow")
        expect(first?.take(accountOf("slow"))).toBe(true)
        for (let merchant = 2; merchant <= 2_000; merchant++) yield* wait(merchant, "other")
        expect(first?.take(accountOf("other"))).toBe(false)
        expect(first?.take(accountOf("slow"))).toBe(true)
        yield* first?.end("succeed") ?? Effect.void
        expect((yield* wait(9_999, "empty")).took).toBe(true)
      })
    ))

  test("are counted as a plain model counts them, however they end", () =>
    running(({ wait, fill }) =>
      Effect.gen(function* () {
        const random = seeded(20260315)
        const pick = (count: number) => Math.floor(random() * count)
        interface Held {
          readonly waiter: Waiter
          readonly mode: Mode
          readonly merchant: number
          account: string | undefined
        }
        const held: Array<Held> = []
        const hasRoom = (mode: Mode, account: string, merchant: number, besides?: Held) => {
          const others = held.filter((one) => one !== besides && one.account !== undefined && one.mode === mode)
          const ofAccount = others.filter((one) => one.account === account).length
          const ofMerchant = others.filter((one) => one.merchant === merchant).length
          return (ofAccount + ofMerchant) * MAX[mode] < (MAX[mode] - others.length) ** 2
        }
        const refusals = { enter: 0, move: 0 }
        for (let step = 0; step < 9_000; step++) {
          const account = `account ${pick(3)}`
          const mover = held[pick(held.length)]
          const act = random()
          if (act < 0.12 && mover !== undefined) {
            yield* mover.waiter.end((["succeed", "fail", "throw", "interrupt"] as const)[pick(4)] ?? "fail")
            held.splice(held.indexOf(mover), 1)
          } else if (act < 0.3 && mover !== undefined) {
            const room = mover.account === account || hasRoom(mover.mode, account, mover.merchant, mover)
            expect(mover.waiter.take(accountOf(account, mover.mode))).toBe(room)
            if (room) mover.account = account
            else refusals.move++
          } else {
            const [mode, merchant] = [random() < 0.6 ? ("live" as const) : ("test" as const), pick(4)]
            const room = hasRoom(mode, account, merchant)
            const waiter = yield* wait(merchant, account, { mode })
            expect(waiter.took).toBe(room)
            if (!room) refusals.enter++
            held.push({ waiter, mode, merchant, account: room ? account : undefined })
          }
        }
        expect(refusals.enter).toBeGreaterThan(100)
        expect(refusals.move).toBeGreaterThan(10)
        for (const { waiter } of held) yield* waiter.end("succeed")
        expect(yield* fill(1, "after all")).toHaveLength(804)
      })
    ))
})
