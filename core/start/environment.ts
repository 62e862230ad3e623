import { isAbsolute, resolve } from "node:path"
import process from "node:process"
import { Config, ConfigProvider, Effect, Option, Redacted } from "effect"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { StartRefused } from "../config/start-refused.ts"
import { isAddressRange } from "../domain/address-range.ts"
import { isLoopbackHost } from "../domain/host-name.ts"
import { parseThrottle } from "../domain/throttle-rule.ts"
import { isTimeZone } from "../domain/time.ts"
import { isMasterKey } from "../secrets/master-key.ts"
import { noteVariable } from "./unknown-variables.ts"

/**
 * Reads the configuration from variables.
 * @param variables the environment, `.env` already merged in
 * @param folder where relative paths start
 */
export const readConfig = (
  variables: Readonly<Record<string, string | undefined>>,
  folder = process.cwd()
): Effect.Effect<GatewayConfig, StartRefused> => {
  const env: Record<string, string> = {}
  for (const [name, value = ""] of Object.entries(variables)) {
    // Secrets that were made with `echo` and files with CRLF leave white space at the end; files for containers keep the
    // quotes that shells take away.
    const text = value.trim().replace(/^(["'])(.*)\1$/s, "$2")
    // An empty variable counts as unset: compose files and shells write unset variables so.
    if (text !== "") env[name] = text
  }
  return declared(folder).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env)),
    Effect.mapError((error) =>
      error instanceof StartRefused ? error : new StartRefused({ variable: "PAYHUB", message: String(error) })
    )
  )
}

const read = <A>(
  name: string,
  standard: string,
  parse: (text: string) => A | undefined,
  rule: string
): Effect.Effect<A, StartRefused> =>
  Effect.gen(function* () {
    noteVariable(name)
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

/** Removes what stands before the @ of a URL: it is usually a password. */
const withoutCredentials = (text: string): string => text.replace(/\/\/.*@/g, "//<redacted>@")

const secret = (name: string) => {
  noteVariable(name)
  return Config.option(Config.Redacted(name)).pipe(
    Effect.map(Option.getOrNull),
    Effect.orElseSucceed(() => null)
  )
}

const keySecret = Effect.fnUntraced(function* (variable: string) {
  const key = yield* secret(variable)
  if (key !== null && !isMasterKey(Redacted.value(key))) {
    const message = `${variable} must be 32 bytes in Base64, as \`openssl rand -base64 32\` makes them.`
    return yield* new StartRefused({ variable, message })
  }
  return key
})

const postgresUrl = Effect.fnUntraced(function* (variable: string) {
  const url = yield* secret(variable)
  if (url !== null && !/^postgres(ql)?:\/\//.test(Redacted.value(url))) {
    const message = `${variable} must be a PostgreSQL URL such as postgres://user:password@host:5432/payhub.`
    return yield* new StartRefused({ variable, message })
  }
  return url
})

const words = (text: string): ReadonlyArray<string> => text.split(/[\s,]+/).filter((word) => word !== "")

const ranges = (text: string) => (words(text).every(isAddressRange) ? words(text) : undefined)

const seconds = (text: string): ReadonlyArray<number> | undefined => {
  if (text === "none") return []
  const numbers = words(text).map(Number)
  return numbers.length > 0 && numbers.every((n) => n > 0 && n <= 604_800) ? numbers.map((n) => n * 1000) : undefined
}

const declared = Effect.fnUntraced(function* (folder: string) {
  const databaseUrl = yield* postgresUrl("DATABASE_URL")
  const ownerUrl = yield* postgresUrl("PAYHUB_OWNER_URL")
  if (ownerUrl !== null && databaseUrl === null) {
    const message = "PAYHUB_OWNER_URL needs DATABASE_URL beside it: the URL under which the gateway works."
    return yield* new StartRefused({ variable: "PAYHUB_OWNER_URL", message })
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
  const host = yield* read(
    "PAYHUB_HOST",
    "127.0.0.1",
    (text) => (/^[\w.:-]+$/.test(text) ? text : undefined),
    "a host name or address"
  )
  const trustedProxies = yield* read("PAYHUB_TRUSTED_PROXIES", "", ranges, "a list of addresses or CIDR ranges")
  return {
    host,
    port: yield* read(
      "PAYHUB_PORT",
      "8080",
      (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
      "a port from 0 to 65535"
    ),
    publicUrl,
    // Off by default wherever somebody else than this machine's users can reach it.
    demo: yield* read(
      "PAYHUB_DEMO",
      isLoopbackHost(host) &&
        (publicUrl === null || isLoopbackHost(new URL(publicUrl).hostname)) &&
        trustedProxies.length === 0
        ? "on"
        : "off",
      (text) => (text === "on" || text === "off" ? text === "on" : undefined),
      "on or off"
    ),
    dataFolder: yield* read(
      "PAYHUB_DATA",
      "./data",
      (text) => (isAbsolute(text) ? text : resolve(folder, text)),
      "a folder"
    ),
    databaseUrl,
    ownerUrl,
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
    channels: yield* read(
      "PAYHUB_CHANNELS",
      "",
      (text) => words(text).map((word) => (word.startsWith(".") ? resolve(folder, word) : word)),
      "a list of packages or folders"
    ),
    trustedProxies,
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
