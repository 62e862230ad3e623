import { isAbsolute, resolve } from "node:path"
import { Config, ConfigProvider, Effect, Option, Redacted } from "effect"
import ipaddr from "ipaddr.js"
import type { ThrottleRule } from "../domain/merchant.ts"
import { isTimeZone } from "../domain/time.ts"
import { StartRefused } from "./plugin.ts"

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

/**
 * Reads the configuration from variables.
 * @param variables the environment, `.env` already merged in
 */
export const readConfig = (
  variables: Readonly<Record<string, string | undefined>>
): Effect.Effect<GatewayConfig, StartRefused> => {
  const env: Record<string, string> = {}
  // An empty variable is an unset one, as compose files and shells write it.
  for (const [name, value] of Object.entries(variables)) if (value !== undefined && value !== "") env[name] = value
  return declared.pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env)),
    Effect.mapError((error) =>
      error instanceof StartRefused ? error : new StartRefused({ variable: "PAYHUB", message: String(error) })
    )
  )
}

/** `2/1s`, `100/500ms`, `10/1m`, or `off`. */
export const parseThrottle = (text: string): ThrottleRule | undefined => {
  if (text === "off") return "off"
  const match = /^(\d{1,7})\/(\d{1,6})(ms|s|m|h)$/.exec(text.trim())
  if (match === null) return undefined
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[3] as "ms" | "s" | "m" | "h"]
  const rule = { count: Number(match[1]), windowMs: Number(match[2]) * unit }
  return rule.count > 0 && rule.windowMs > 0 ? rule : undefined
}

/** Whether a text is an IP address or a CIDR range. */
export const isAddressRange = (text: string): boolean => {
  const [address = ""] = text.split("/")
  // ipaddr.js also reads 1.2.3 and 010.0.0.1 as inet_aton does; nobody means those.
  const plain = address.includes(":") ? ipaddr.IPv6.isValid(address) : ipaddr.IPv4.isValidFourPartDecimal(address)
  return plain && (text.includes("/") ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text))
}

const read = <A>(
  name: string,
  standard: string,
  parse: (text: string) => A | undefined,
  rule: string
): Effect.Effect<A, StartRefused> =>
  Effect.gen(function* () {
    const text = yield* Config.String(name).pipe(
      Config.withDefault(standard),
      Effect.orElseSucceed(() => standard)
    )
    const value = parse(text)
    if (value === undefined) {
      return yield* new StartRefused({
        variable: name,
        message: `${name} must be ${rule}, but it is "${withoutCredentials(text)}".`
      })
    }
    return value
  })

/** What stands before the @ of a URL is a password more often than not. */
const withoutCredentials = (text: string): string => text.replace(/\/\/.*@/g, "//<redacted>@")

const secret = (name: string) =>
  Config.option(Config.Redacted(name)).pipe(
    Effect.map(Option.getOrNull),
    Effect.orElseSucceed(() => null)
  )

const keySecret = Effect.fnUntraced(function* (variable: string) {
  const key = yield* secret(variable)
  if (key !== null && !isMasterKey(Redacted.value(key))) {
    const message = `${variable} must be 32 bytes in Base64, as \`openssl rand -base64 32\` makes them.`
    return yield* new StartRefused({ variable, message })
  }
  return key
})

const words = (text: string): ReadonlyArray<string> => text.split(/[\s,]+/).filter((word) => word !== "")

const ranges = (text: string) => (words(text).every(isAddressRange) ? words(text) : undefined)

const seconds = (text: string): ReadonlyArray<number> | undefined => {
  if (text === "none") return []
  const numbers = words(text).map(Number)
  return numbers.length > 0 && numbers.every((n) => n > 0 && n <= 604_800) ? numbers.map((n) => n * 1000) : undefined
}

const declared = Effect.gen(function* () {
  const cwd = process.cwd()
  const databaseUrl = yield* secret("DATABASE_URL")
  if (databaseUrl !== null && !/^postgres(ql)?:\/\//.test(Redacted.value(databaseUrl))) {
    return yield* new StartRefused({
      variable: "DATABASE_URL",
      message: "DATABASE_URL must be a PostgreSQL URL such as postgres://user:password@host:5432/payhub."
    })
  }
  const redisUrl = yield* secret("REDIS_URL")
  if (redisUrl !== null && !/^(redis|rediss|redis\+cluster|redis\+sentinel):\/\//.test(Redacted.value(redisUrl))) {
    return yield* new StartRefused({
      variable: "REDIS_URL",
      message:
        "REDIS_URL must be a Redis URL such as redis://host:6379 (rediss://, redis+cluster://, redis+sentinel://)."
    })
  }
  const masterKey = yield* keySecret("PAYHUB_MASTER_KEY")
  const masterKeyOld = yield* keySecret("PAYHUB_MASTER_KEY_OLD")
  const publicUrl = yield* read(
    "PAYHUB_PUBLIC_URL",
    "-",
    originOf,
    "an http(s) URL without path, such as https://pay.example.com"
  )
  return {
    host: yield* read(
      "PAYHUB_HOST",
      "127.0.0.1",
      (text) => (/^[\w.:-]+$/.test(text) ? text : undefined),
      "a host name or address"
    ),
    port: yield* read(
      "PAYHUB_PORT",
      "8080",
      (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
      "a port from 0 to 65535"
    ),
    publicUrl,
    // A gateway with a public address is in earnest: strangers could place orders there.
    demo: yield* read(
      "PAYHUB_DEMO",
      publicUrl === null ? "on" : "off",
      (text) => (text === "on" || text === "off" ? text === "on" : undefined),
      "on or off"
    ),
    dataFolder: yield* read(
      "PAYHUB_DATA",
      "./data",
      (text) => (isAbsolute(text) ? text : resolve(cwd, text)),
      "a folder"
    ),
    databaseUrl,
    redisUrl,
    redisDown: yield* read(
      "PAYHUB_REDIS_DOWN",
      "degrade",
      (text) => (text === "refuse" || text === "degrade" ? text : undefined),
      "refuse or degrade"
    ),
    masterKey,
    masterKeyOld,
    otlpEndpoint: yield* read(
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      "-",
      (text) => (text === "-" ? null : /^https?:\/\//.test(text) && URL.canParse(text) ? text : undefined),
      "an http(s) URL such as http://collector:4318"
    ),
    metricsToken: yield* secret("PAYHUB_METRICS_TOKEN"),
    channels: yield* read("PAYHUB_CHANNELS", "", words, "a list of packages or folders"),
    trustedProxies: yield* read("PAYHUB_TRUSTED_PROXIES", "", ranges, "a list of addresses or CIDR ranges"),
    webhookAllow: yield* read("PAYHUB_WEBHOOK_ALLOW", "", ranges, "a list of addresses or CIDR ranges"),
    webhookScheduleMs: yield* read(
      "PAYHUB_WEBHOOK_SCHEDULE",
      "60,60",
      seconds,
      "a list of seconds such as 60,60, or none"
    ),
    throttle: yield* read("PAYHUB_THROTTLE", "1/3s", parseThrottle, "calls per window such as 1/3s, or off"),
    timezone: yield* read(
      "PAYHUB_TIMEZONE",
      "Asia/Shanghai",
      (text) => (isTimeZone(text) ? text : undefined),
      "an IANA time zone such as Asia/Shanghai"
    ),
    reconcileScheduleMs: yield* read(
      "PAYHUB_RECONCILE_SCHEDULE",
      "30,60,120,300,600",
      (text) => (text === "none" ? undefined : seconds(text)),
      "a list of seconds such as 30,60,120,300,600"
    )
  } satisfies GatewayConfig
})

const originOf = (text: string): string | null | undefined => {
  if (text === "-") return null
  if (!/^https?:\/\/[^/?#@]+\/?$/.test(text) || !URL.canParse(text)) return undefined
  return new URL(text).origin
}

/** 32 bytes in Base64, with or without padding. */
export const isMasterKey = (text: string): boolean =>
  /^[A-Za-z0-9+/]{43}=?$/.test(text) && Buffer.from(text, "base64").length === 32
