import { Context, type Redacted } from "effect"
import type { ThrottleRule } from "../domain/throttle-rule.ts"

/** The gateway's configuration, read once. The README's table explains each variable. */
export interface GatewayConfig {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** Origin without a trailing slash; null = http://HOST:PORT of the listener. */
  readonly publicUrl: string | null
  /** Absolute path. */
  readonly dataFolder: string
  readonly databaseUrl: Redacted.Redacted<string> | null
  /** The connection of the database's owner; null = `databaseUrl` names the owner, or the owner has migrated already. */
  readonly ownerUrl: Redacted.Redacted<string> | null
  readonly redisUrl: Redacted.Redacted<string> | null
  readonly redisDown: "refuse" | "degrade"
  /** null = the key file in the data folder, which the first start makes. */
  readonly masterKey: Redacted.Redacted<string> | null
  /** The key before a rotation; it still opens what `payhub key rotate` has not resealed yet. */
  readonly masterKeyOld: Redacted.Redacted<string> | null
  /** Whether `/demo` is served: a page on which everybody who reaches it can place test orders. */
  readonly demo: boolean
  /** The Bearer token that `/metrics` requires; null = `/metrics` is not served. */
  readonly metricsToken: Redacted.Redacted<string> | null
  /** Base URL of an OpenTelemetry collector; null = no traces. */
  readonly otlpEndpoint: string | null
  /** Further channel packages or folders. */
  readonly channels: ReadonlyArray<string>
  /** Addresses and CIDR ranges whose X-Forwarded-For counts. */
  readonly trustedProxies: ReadonlyArray<string>
  /** Addresses and CIDR ranges that webhooks may reach although they are not public. */
  readonly webhookAllow: ReadonlyArray<string>
  /** Milliseconds before each push after the first. */
  readonly webhookScheduleMs: ReadonlyArray<number>
  readonly throttle: ThrottleRule
  /** IANA time zone of all times at the edge. */
  readonly timezone: string
  /** Ages in ms at which a PENDING order is checked; the last one repeats until a day after the order's expiry. */
  readonly reconcileScheduleMs: ReadonlyArray<number>
}

/** The configuration as a service. */
export class Settings extends Context.Service<Settings, GatewayConfig>()("payhub/config/Settings") {}
