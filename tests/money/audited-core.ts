import { Clock, type Duration, Effect, Layer, Redacted } from "effect"
import { openPersistence } from "../../plugins/postgres/index.ts"
import { type Audit, startAudit } from "../harness/audit.ts"
import { type Core, openCore } from "../harness/in-process-gateway.ts"
import { sharedPostgres } from "../harness/postgres.ts"

/* The core in this process on a real PostgreSQL, whose audit speaks last, and with a clock that somebody sets. */

/** The machine's clock, which somebody sets forward or back; the monotonic one and sleeping stay what they are. */
export class SettableClock implements Clock.Clock {
  stepMs = 0
  readonly #real: Clock.Clock
  constructor(real: Clock.Clock) {
    this.#real = real
  }
  currentTimeMillisUnsafe(): number {
    return this.#real.currentTimeMillisUnsafe() + this.stepMs
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  currentTimeNanosUnsafe(): bigint {
    return this.#real.currentTimeNanosUnsafe() + BigInt(this.stepMs) * 1_000_000n
  }
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  monotonicTimeNanosUnsafe(): bigint {
    return this.#real.monotonicTimeNanosUnsafe()
  }
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())
  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return this.#real.sleep(duration)
  }
}

export interface AuditedCore extends Core {
  readonly clock: SettableClock
  readonly audit: Audit
}

export const openAuditedCore = async (): Promise<AuditedCore> => {
  const url = await (await sharedPostgres()).createDatabase()
  const audit = await startAudit(url)
  const clock = new SettableClock(await Effect.runPromise(Effect.clockWith(Effect.succeed)))
  const core = await openCore({
    persistence: Layer.effectContext(openPersistence({ url: Redacted.make(url), maxConnections: 8 })),
    clock: Layer.succeed(Clock.Clock, clock)
  })
  return {
    ...core,
    clock,
    audit,
    close: async () => {
      await core.close()
      await audit.close()
    }
  }
}
