import { Context, Effect, Layer, Redacted } from "effect"
import { StartRefused } from "../../core/config/start-refused.ts"
import { NonceTable } from "../../core/pipeline/replay/nonce-table.ts"
import { ReplayStore } from "../../core/pipeline/replay/replay.ts"
import { ThrottleStore } from "../../core/pipeline/throttle/throttle.ts"
import { WindowTable } from "../../core/pipeline/throttle/window-table.ts"
import type { Plugin } from "../../core/start/plugin.ts"
import { claimNonce, claimUncounted, takeSlot } from "./client.ts"
import { connectRedis, type RedisConnection } from "./connection.ts"
import { LightClaims } from "./light-claims.ts"
import { parseRedisUrl } from "./url.ts"

/** Marks our keys on a Redis that other programs share. */
const PREFIX = "payhub:"

class Connection extends Context.Service<Connection, RedisConnection>()("payhub/plugins/redis/Connection") {}

/**
 * Throttle slots and nonces on Redis (6.2 or newer, Valkey too), counted for all gateways together by Redis's clock.
 * No merchant's nonces take more than half of `maxmemory` (connection.ts), and a sixteenth of that for each process. Callers whom nobody knows are not counted
 * here: each process counts them for itself, so they cost Redis nothing.
 * @param options.url its forms: `parseRedisUrl` in url.ts; a malformed one fails with StartRefused
 * @param options.down what happens while Redis cannot be reached. "refuse": StoreUnavailable, and StartRefused at the
 * start. "degrade": each process counts for itself, with one log line when that begins and one when it ends. Each
 * process also remembers its own slots and nonces while Redis is up, so that they stay used when an outage begins or
 * ends.
 */
export const redis = (options: {
  readonly url: Redacted.Redacted<string>
  readonly down: "refuse" | "degrade"
}): Required<Pick<Plugin, "name" | "throttleStore" | "replayStore">> => {
  // A single layer, so that both stores of a gateway share one connection and one alarm.
  const connection = Layer.effect(
    Connection,
    Effect.suspend(() => {
      const target = parseRedisUrl(Redacted.value(options.url))
      return typeof target === "string"
        ? Effect.fail(new StartRefused({ variable: "REDIS_URL", message: target }))
        : connectRedis(target, options.down)
    })
  )
  return {
    name: "redis",
    throttleStore: Layer.effect(
      ThrottleStore,
      Effect.map(Connection, (it) => (options.down === "refuse" ? throttleOn(it) : throttleOnOrHere(it)))
    ).pipe(Layer.provide(connection)),
    replayStore: Layer.effect(
      ReplayStore,
      Effect.map(Connection, (it) => (options.down === "refuse" ? replayOn(it) : replayOnOrHere(it)))
    ).pipe(Layer.provide(connection))
  }
}

const throttleOn = (connection: RedisConnection): ThrottleStore["Service"] => ({
  take: (key, count, windowMs) => connection.run((client) => takeSlot(client, PREFIX + key, count, windowMs))
})

const throttleOnOrHere = (connection: RedisConnection): ThrottleStore["Service"] => {
  const there = throttleOn(connection)
  const here = new WindowTable()
  let grantedHereAt = Number.NEGATIVE_INFINITY
  return {
    take: Effect.fnUntraced(function* (key, count, windowMs) {
      const askedAt = yield* now
      // Redis never learns of slots granted during an outage; this process enforces them for a window afterwards.
      const waitMs = askedAt - grantedHereAt > windowMs ? 0 : here.waitMs(key, count, windowMs, askedAt)
      if (waitMs > 0) return waitMs
      const answer = yield* Effect.result(there.take(key, count, windowMs))
      if (answer._tag === "Success") {
        if (answer.success === 0) here.record(key, count, windowMs, askedAt)
        return answer.success
      }
      grantedHereAt = yield* now
      const taken = here.take(key, count, windowMs, grantedHereAt)
      return taken === "full" ? yield* answer.failure : taken
    })
  }
}

/** The part of a share that an owner may claim at each process before Redis counts its nonces. */
const LIGHT_PART = 1 / 16

const replayOn = (connection: RedisConnection): ReplayStore["Service"] => {
  const light = new LightClaims()
  return {
    claim: Effect.fnUntraced(function* (owner, nonce, windowMs) {
      const share = connection.nonceShare()
      const key = `${PREFIX}nonce:{${owner}}:${nonce}`
      const nowMs = yield* now
      if (light.held(owner, nowMs) >= share * LIGHT_PART) {
        const keys = { nonce: key, held: `${PREFIX}nonces:{${owner}}` }
        return yield* connection.run((client) => claimNonce(client, keys, windowMs, share))
      }
      // Before the answer, because calls under way together must not all be light.
      light.add(owner, windowMs, nowMs)
      return yield* connection.run((client) => claimUncounted(client, key, windowMs))
    })
  }
}

const replayOnOrHere = (connection: RedisConnection): ReplayStore["Service"] => {
  const there = replayOn(connection)
  const here = new NonceTable()
  return {
    claim: Effect.fnUntraced(function* (owner, nonce, windowMs) {
      const first = here.claim(owner, nonce, windowMs, yield* now)
      if (first === false) return false
      const answer = yield* Effect.result(there.claim(owner, nonce, windowMs))
      if (answer._tag === "Success") return answer.success
      return first === "full" ? yield* answer.failure : first
    })
  }
}

/** Milliseconds of the monotonic clock. */
const now = Effect.clockWith((clock) => Effect.succeed(Number(clock.monotonicTimeNanosUnsafe()) / 1e6))
