import { Context, type Redacted } from "effect"
import type { ThrottleRule } from "../domain/throttle-rule.ts"

/** Everything an operator can set, read once. Each variable is explained in the README's table. */
export interface GatewayConfig {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** null = http://HOST:PORT as it listens. */
  readonly publicUrl: string | null
  /** Absolute path. */
  readonly dataFolder: string
  readonly databaseUrl: Redacted.Redacted<string> | null
  readonly redisUrl: Redacted.Redacted<string> | null
  readonly redisDown: "refuse" | "degrade"
  /** null = the key file in the data folder, made at the first start. */
  readonly masterKey: Redacted.Redacted<string> | null
  /** The key before a rotation: it still opens what `payhub key rotate` has not sealed anew yet. */
  readonly masterKeyOld: Redacted.Redacted<string> | null
  /** Whether `/demo` is served: a page on which anybody who reaches it places test orders. */
  readonly demo: boolean
  /** What `/metrics` asks for as a Bearer token; null = there is no such page. */
  readonly metricsToken: Redacted.Redacted<string> | null
  /** Base URL of an OpenTelemetry collector; null = no traces. */
  readonly otlpEndpoint: string | null
  readonly channels: ReadonlyArray<string>
  readonly trustedProxies: ReadonlyArray<string>
  readonly webhookAllow: ReadonlyArray<string>
  /** Milliseconds before each push after the first. */
  readonly webhookScheduleMs: ReadonlyArray<number>
  readonly throttle: ThrottleRule
  readonly timezone: string
  /** Milliseconds between the checks of a PENDING order; the last one repeats until a day after its expiry. */
  readonly reconcileScheduleMs: ReadonlyArray<number>
}

/** The configuration as a service. */
export class Settings extends Context.Service<Settings, GatewayConfig>()("payhub/config/Settings") {}
