import { expect, test } from "bun:test"
import { Effect, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { SignatureInvalid, StoreUnavailable, ThrottleExceeded } from "../../domain/errors.ts"
import type { Parameters } from "../../domain/parameters.ts"
import { canonicalString, hmacSha256 } from "../../domain/signature.ts"
import { Merchants } from "../persistence/merchants.ts"
import { Throttle, ThrottleStore } from "../throttle/throttle.ts"
import { WindowTable } from "../throttle/window-table.ts"
import { Auth } from "./auth.ts"
import { MerchantDirectory } from "./merchant-directory.ts"

const APP_ID = "pk_live_0123456789"
const SECRET = "sk_live_of_this_test"
const RULE = { count: 3, windowMs: 60_000 }

const directory = Layer.succeed(
  MerchantDirectory,
  MerchantDirectory.of({
    byAppId: () =>
      Effect.succeed({
        merchant: {
          id: 1,
          appId: APP_ID,
          name: "A shop",
          mode: "live",
          active: true,
          callbackUrl: null,
          allowIps: [],
          throttle: null,
          accounts: null,
          createdAt: new Date(0)
        },
        secrets: [
          { id: 1, secret: Redacted.make(SECRET), createdAt: new Date(0), firstUsedAt: new Date(0), expiresAt: null }
        ]
      }),
    byId: () => Effect.succeed(null),
    isNew: () => false,
    forget: () => undefined
  })
)

/** Merchants' slots, as few as a test can fill. */
const SLOTS = 10
const counting = Layer.sync(ThrottleStore, () => {
  const windows = new WindowTable(SLOTS)
  return ThrottleStore.of({
    take: (key, count, windowMs) =>
      Effect.clockWith((clock) => {
        const waitMs = windows.take(key, count, windowMs, clock.currentTimeMillisUnsafe())
        return waitMs === "full" ? Effect.die("full") : Effect.succeed(waitMs)
      })
  })
})

/** The store is not called for a secret that has been used before. */
const uncalled = () => Effect.die("this test's secrets have been used before: the store is not called")
const uncalledStore = Layer.succeed(Merchants, {
  find: uncalled,
  findById: uncalled,
  list: uncalled,
  create: uncalled,
  update: uncalled,
  addSecret: uncalled,
  resealSecret: uncalled,
  secretUsed: uncalled
})

const broken = Layer.succeed(ThrottleStore, {
  take: () => Effect.fail(new StoreUnavailable({ store: "memory" }))
})

const run = (
  effect: Effect.Effect<void, unknown, Auth | Throttle>,
  store: Layer.Layer<ThrottleStore> = counting
): Promise<void> =>
  Effect.runPromise(
    effect.pipe(
      Effect.provide(
        Auth.layer(RULE).pipe(
          Layer.provideMerge(Throttle.layer({ count: 1, windowMs: 3_000 })),
          Layer.provide(Layer.mergeAll(store, directory, uncalledStore)),
          Layer.provideMerge(TestClock.layer())
        )
      )
    ) as Effect.Effect<void>
  )

const signedBy = (secret: string, timestamp: number): Parameters => {
  const pairs = [
    ["app_id", APP_ID],
    ["timestamp", String(timestamp)]
  ] as const
  return new Map([
    ["app_id", { kind: "string", text: APP_ID }],
    ["timestamp", { kind: "number", text: String(timestamp) }],
    ["sign", { kind: "string", text: hmacSha256(secret, canonicalString(pairs)) }]
  ]) as Parameters
}
const wrong = signedBy("a guess", 0)
const ADDRESS = "203.0.113.7"

const guess = Effect.gen(function* () {
  const auth = yield* Auth
  return yield* Effect.flip(auth.authenticate(wrong, ADDRESS))
})

test("an address gets 401 for a limited number of wrong signatures per window, then 429 until the window ends", () =>
  run(
    Effect.gen(function* () {
      for (let i = 0; i < RULE.count; i++) expect(yield* guess).toBeInstanceOf(SignatureInvalid)
      expect(yield* guess).toEqual(new ThrottleExceeded({ retryAfterMs: 60_000, windowMs: 60_000 }))
      yield* TestClock.adjust("60 seconds")
      expect(yield* guess).toBeInstanceOf(SignatureInvalid)
    })
  ))

test("wrong signatures of one address do not count against another", () =>
  run(
    Effect.gen(function* () {
      const auth = yield* Auth
      for (let i = 0; i <= RULE.count; i++) yield* guess
      expect(yield* Effect.flip(auth.authenticate(wrong, "203.0.113.8"))).toBeInstanceOf(SignatureInvalid)
    })
  ))

test("a correctly signed call is accepted whatever its address has sent before, and is never counted", () =>
  run(
    Effect.gen(function* () {
      const auth = yield* Auth
      for (let i = 0; i < RULE.count * 3; i++) {
        expect((yield* auth.authenticate(signedBy(SECRET, 0), ADDRESS)).appId).toBe(APP_ID)
      }
      for (let i = 0; i < RULE.count; i++) expect(yield* guess).toBeInstanceOf(SignatureInvalid)
      expect(yield* guess).toBeInstanceOf(ThrottleExceeded)
      expect((yield* auth.authenticate(signedBy(SECRET, 0), ADDRESS)).appId).toBe(APP_ID)
    })
  ))

test("wrong signatures of any number of addresses take none of the slots that merchants share", () =>
  run(
    Effect.gen(function* () {
      const auth = yield* Auth
      const throttle = yield* Throttle
      for (let i = 0; i < SLOTS * 2; i++) {
        expect(yield* Effect.flip(auth.authenticate(wrong, `203.0.113.${i}`))).toBeInstanceOf(SignatureInvalid)
      }
      yield* throttle.take(yield* auth.authenticate(signedBy(SECRET, 0), ADDRESS), ADDRESS, "order")
    })
  ))

test.each([
  ["the addresses of one IPv6 /64 are one address", ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"], "2001:db8::9"],
  ["IPv4 inside IPv6 is the IPv4 address", ["::ffff:203.0.113.7", ADDRESS, ADDRESS], "::ffff:cb00:7107"]
])("where wrong signatures are counted, %s", (_, sources, next) =>
  run(
    Effect.gen(function* () {
      const auth = yield* Auth
      for (const source of sources) {
        expect(yield* Effect.flip(auth.authenticate(wrong, source))).toBeInstanceOf(SignatureInvalid)
      }
      expect(yield* Effect.flip(auth.authenticate(wrong, next))).toBeInstanceOf(ThrottleExceeded)
      expect(yield* Effect.flip(auth.authenticate(wrong, "2001:db8:0:1::1"))).toBeInstanceOf(SignatureInvalid)
    })
  )
)

test("wrong signatures are counted while the store of merchants' slots is down", () =>
  run(
    Effect.gen(function* () {
      for (let i = 0; i < RULE.count; i++) expect(yield* guess).toBeInstanceOf(SignatureInvalid)
      expect(yield* guess).toBeInstanceOf(ThrottleExceeded)
    }),
    broken
  ))
