import { afterAll, beforeAll, expect } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer, ManagedRuntime, Redacted, Schema } from "effect"
import { Channels } from "../../core/cashier/channels.ts"
import type { AnyProvider } from "../../core/cashier/opened-account.ts"
import { AccountInvalid, ChannelRejected, ChannelUncertain } from "../../core/channel/errors.ts"
import { type CliOptions, runCli } from "../../core/cli/index.ts"
import { Settings } from "../../core/config/gateway-config.ts"
import type { OwnUrl } from "../../core/config/own-url.ts"
import { StartRefused } from "../../core/config/start-refused.ts"
import type { Persistence } from "../../core/pipeline/persistence/persistence.ts"
import { Vault } from "../../core/secrets/vault.ts"
import { readConfig } from "../../core/start/environment.ts"
import { openPersistence } from "../../plugins/postgres/index.ts"
import { sharedPostgres } from "./postgres.ts"
import { ownUrlLayer } from "./stores.ts"

/*
 * The operator's commands in this process on a real PostgreSQL: the same code as `payhub …`, a hundred times faster. What
 * only the whole program can show (its start, its signals) is tested with harness/gateway.ts.
 */

const MASTER_KEY = Redacted.make(Buffer.alloc(32, 7).toString("base64"))

export const BANK_KEY = "bank-private-key-0123456789"

/** A provider that answers queries as its account's `mood` says. */
export const bank: AnyProvider = {
  id: "bank",
  products: [{ code: "YINSHENG_QRCODE", name: "银盛聚合扫码", nameEn: "QR", type: "aggregate", flow: "qrcode" }],
  account: Schema.Struct({
    merchantNo: Schema.String,
    privateKey: Schema.RedactedFromValue(Schema.String.check(Schema.isMinLength(20)), { label: "privateKey" }),
    keys: Schema.optionalKey(Schema.Array(Schema.RedactedFromValue(Schema.String))),
    mood: Schema.optionalKey(Schema.Literals(["well", "unknown-account", "silent"]))
  }),
  egress: () => ["bank.example.com"],
  open: (account: { merchantNo: string; mood?: string }) =>
    account.merchantNo === "closed"
      ? Effect.fail(new AccountInvalid({ field: "merchantNo", message: "the merchant number is closed" }))
      : Effect.succeed({
          charge: () => Effect.die("not charged here"),
          query: () =>
            account.mood === "unknown-account"
              ? Effect.fail(new ChannelRejected({ reason: "ACCOUNT_NOT_EXIST" }))
              : account.mood === "silent"
                ? Effect.fail(new ChannelUncertain({ why: "timeout" }))
                : Effect.succeed({ state: "absent" as const }),
          readNotice: () => Effect.die("no notices here"),
          replies: {
            accepted: { status: 200, contentType: "text/plain", body: "ok" },
            refused: { status: 400, contentType: "text/plain", body: "no" }
          }
        })
}
export const playground: AnyProvider = {
  ...bank,
  id: "playground",
  testMode: { newAccount: () => ({}), feeRateBp: 60 }
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export type Payhub = (...argv: string[]) => Promise<Ran>

/** Runs `payhub …` on the given services. */
export const payhubWith =
  (
    services: CliOptions["services"],
    env: Record<string, string> = {},
    extraOperations: CliOptions["extraOperations"] = []
  ): Payhub =>
  async (...argv) => {
    let out = ""
    let err = ""
    const code = await runCli({
      argv,
      env: { USER: "chen", ...env },
      readConfig,
      version: "1.2.3",
      program: "payhub",
      start: async (config) => (config.port === 8080 ? 0 : 7),
      services,
      extraOperations,
      confirm: async () => false,
      write: (text) => {
        out += text
      },
      writeError: (text) => {
        err += text
      }
    })
    return { code, out, err }
  }

export const STORE_REFUSAL = "The database does not answer."

/** Services whose database refuses, for commands that must end before they need one. */
export const withoutStore: CliOptions["services"] = () =>
  Layer.unwrap(Effect.fail(new StartRefused({ variable: "DATABASE_URL", message: STORE_REFUSAL })))

export interface Operator {
  readonly payhub: Payhub
  /** Runs `payhub … --json`, expects success and an empty stderr, and returns the document. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects and fails where it is not there
  readonly json: (...argv: string[]) => Promise<any>
  /** Writes a file into the suite's folder and returns its path. */
  readonly file: (name: string, content: unknown) => string
  /** Reads what the commands have stored, past the commands. */
  readonly inStore: <A, E>(effect: Effect.Effect<A, E, Persistence | Vault | OwnUrl>) => Promise<A>
}

/** An operator for the calling suite, with its own database and the providers `bank` and `playground` (test mode). */
export const operator = (): Operator => {
  let stores: ManagedRuntime.ManagedRuntime<Persistence | Vault | OwnUrl, StartRefused>
  let folder: string
  beforeAll(async () => {
    const url = Redacted.make(await (await sharedPostgres()).createDatabase())
    stores = ManagedRuntime.make(
      Layer.mergeAll(
        Layer.effectContext(openPersistence({ url, maxConnections: 3 })),
        Vault.layer(MASTER_KEY),
        ownUrlLayer("http://127.0.0.1:8080")
      )
    )
    folder = mkdtempSync(join(tmpdir(), "payhub-cli-"))
  })
  afterAll(async () => {
    await stores?.dispose()
    rmSync(folder, { recursive: true, force: true })
  })
  const payhub = payhubWith((config) =>
    Channels.layer([bank, playground]).pipe(
      Layer.provideMerge(Layer.mergeAll(Layer.effectContext(stores.contextEffect), Layer.succeed(Settings, config)))
    )
  )
  return {
    payhub,
    json: async (...argv) => {
      const ran = await payhub(...argv, "--json")
      expect([argv, ran.code, ran.err]).toEqual([argv, 0, ""])
      return JSON.parse(ran.out)
    },
    file: (name, content) => {
      const path = join(folder, name)
      writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content))
      return path
    },
    inStore: (effect) => stores.runPromise(effect)
  }
}
