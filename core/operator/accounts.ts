import { Clock, Effect, Redacted, Schema } from "effect"
import { type AnyProvider, Channels } from "../cashier/channels.ts"
import type { ChannelRejected, ChannelUncertain } from "../channel/errors.ts"
import type { ChargeState } from "../channel/provider.ts"
import { OwnUrl } from "../config/own-url.ts"
import { newOrderNo } from "../domain/order-no.ts"
import type { StoredAccount } from "../pipeline/persistence/accounts.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { Vault } from "../secrets/vault.ts"
import { newAccountId } from "./credentials.ts"
import { findAccount, unknownAccount } from "./find.ts"
import { FeeRateBp, hinted, Name } from "./inputs.ts"
import { InputInvalid, OperatorError, operation } from "./operation.ts"

const AccountView = Schema.Struct({
  id: Schema.String,
  provider: Schema.String,
  name: Schema.String,
  enabled: Schema.Boolean,
  /** Basis points of the amount. */
  fee_rate_bp: Schema.Number,
  /** What the provider's forms ask for: where its notices for this account go. */
  notice_url: Schema.String,
  created_at: Schema.String,
  /** Why the settings cannot be read; null = they can. */
  problem: Schema.NullOr(Schema.String),
  /** Secrets as "<redacted>". */
  settings: Schema.Json
})

const id = hinted(Schema.String, { help: "The account's id, as `channel list` shows it", placeholder: "ID" })
const name = hinted(Name, { help: "What you call the account", placeholder: "NAME" })
const account = hinted(Schema.Json, {
  help: "The account's credentials and settings as a JSON file, - for standard input; `channel providers` lists its fields",
  placeholder: "FILE.json"
})
const feeRateBp = hinted(FeeRateBp, {
  help: "The provider's rate in basis points of the amount: 60 = 0.60 % (default: 0)",
  placeholder: "N"
})

export const channelProviders = operation({
  name: "channel.providers",
  summary: "List the loaded channel providers, their codes and the fields of their accounts",
  permission: "accounts:read",
  scope: "gateway",
  input: Schema.Struct({}),
  output: Schema.Array(
    Schema.Struct({
      id: Schema.String,
      /** Whether it serves test-mode merchants (and no others). */
      test_mode: Schema.Boolean,
      codes: Schema.Array(Schema.String),
      fields: Schema.Array(Schema.String),
      products: Schema.Array(
        Schema.Struct({ code: Schema.String, name: Schema.String, type: Schema.String, flow: Schema.String })
      ),
      /** JSON Schema of the file that `channel add --account` takes. */
      account: Schema.Json
    })
  ),
  columns: ["id", "test_mode", "codes", "fields"],
  run: Effect.fnUntraced(function* () {
    const { providers } = yield* Channels
    return providers.map((provider) => {
      const account = accountSchema(provider)
      return {
        id: provider.id,
        test_mode: provider.testMode !== undefined,
        codes: provider.products.map(({ code }) => code),
        fields: fieldsOf(account),
        products: provider.products.map(({ code, name, type, flow }) => ({ code, name, type, flow })),
        account
      }
    })
  })
})

export const channelList = operation({
  name: "channel.list",
  summary: "List the channel accounts, secrets redacted",
  permission: "accounts:read",
  scope: "gateway",
  input: Schema.Struct({}),
  output: Schema.Array(AccountView),
  columns: ["id", "provider", "name", "enabled", "fee_rate_bp", "notice_url", "problem", "settings"],
  run: Effect.fnUntraced(function* () {
    const accounts = yield* Accounts
    return yield* Effect.forEach(yield* accounts.list(), viewOf)
  })
})

export const channelAdd = operation({
  name: "channel.add",
  summary: "Add an account at a provider; it serves orders at once",
  permission: "accounts:write",
  scope: "gateway",
  positional: ["provider"],
  input: Schema.Struct({
    provider: hinted(Schema.String, { help: "The provider, as `channel providers` lists it", placeholder: "PROVIDER" }),
    name,
    account,
    feeRateBp: Schema.optionalKey(feeRateBp)
  }),
  output: AccountView,
  afterword: ({ id, notice_url }) =>
    `\`payhub channel test ${id}\` asks the provider whether it knows the account. If the provider asks where to send notices: ${notice_url}`,
  run: Effect.fnUntraced(function* (_actor, input) {
    const accounts = yield* Accounts
    const vault = yield* Vault
    yield* checkSettings(input.provider, input.account)
    const id = newAccountId()
    const stored = yield* accounts.create({
      id,
      provider: input.provider,
      name: input.name,
      feeRateBp: input.feeRateBp ?? 0,
      sealed: vault.seal(Redacted.make(JSON.stringify(input.account)), `account:${id}`)
    })
    return yield* viewOf(stored)
  })
})

export const channelUpdate = operation({
  name: "channel.update",
  summary: "Change an account's rate, or replace its credentials and settings",
  permission: "accounts:write",
  scope: "gateway",
  positional: ["id"],
  input: Schema.Struct({ id, account: Schema.optionalKey(account), feeRateBp: Schema.optionalKey(feeRateBp) }),
  output: AccountView,
  run: Effect.fnUntraced(function* (_actor, input) {
    if (input.account === undefined && input.feeRateBp === undefined) {
      return yield* new InputInvalid({ problems: [{ field: "input", message: "name something to change" }] })
    }
    const accounts = yield* Accounts
    const vault = yield* Vault
    const { provider } = yield* findAccount(input.id)
    if (input.account !== undefined) {
      yield* checkSettings(provider, input.account)
      const settings = Redacted.make(JSON.stringify(input.account))
      yield* accounts.reseal(input.id, vault.seal(settings, `account:${input.id}`))
    }
    return yield* changeAccount(input.id, input.feeRateBp === undefined ? {} : { feeRateBp: input.feeRateBp })
  })
})

export const channelTest = operation({
  name: "channel.test",
  summary: "Open an account and ask its provider about an order that does not exist: nothing is charged",
  permission: "accounts:write",
  scope: "gateway",
  positional: ["id"],
  input: Schema.Struct({ id }),
  output: Schema.Struct({ id: Schema.String, ok: Schema.Boolean, message: Schema.String }),
  succeeded: ({ ok }) => ok,
  run: Effect.fnUntraced(function* (_actor, input) {
    const channels = yield* Channels
    const stored = yield* findAccount(input.id)
    const problem = yield* openSettings(stored).pipe(
      Effect.flatMap(({ raw }) => channels.check(stored.provider, raw)),
      Effect.as(null),
      Effect.catchTag(["AccountInvalid", "VaultRefused"], (reason) => Effect.succeed(reason.message))
    )
    const opened = problem === null ? yield* channels.open(input.id) : null
    if (opened === null) {
      return { id: input.id, ok: false, message: `The account cannot be opened: ${problem ?? "see the log"}.` }
    }
    const createdAt = new Date(yield* Clock.currentTimeMillis)
    const orderNo = newOrderNo("QR", 0, createdAt.getTime())
    const { channel, provider } = opened
    const answer = yield* opened
      .act(
        () =>
          channel.query({
            orderNo,
            code: provider.products[0]?.code ?? "",
            amountFen: 1,
            createdAt,
            expiresAt: new Date(createdAt.getTime() + 1_800_000),
            reference: channel.reference?.({ orderNo, createdAt }) ?? {},
            channelTradeNo: null
          }),
        []
      )
      .pipe(Effect.map(describeState), Effect.catchTag(["ChannelRejected", "ChannelUncertain"], describeFailure))
    return { id: input.id, ...answer }
  })
})

const describeState = (state: ChargeState) =>
  state.state === "paid"
    ? { ok: false, message: "The provider answered, but says that an order that does not exist is paid." }
    : {
        ok: true,
        message: `The provider was reached and accepts the account (it says of an unknown order: ${state.state}).`
      }

const describeFailure = (failure: ChannelRejected | ChannelUncertain) =>
  Effect.succeed({
    ok: false,
    message:
      failure._tag === "ChannelRejected"
        ? `Refused: ${failure.reason}.`
        : {
            timeout: "The provider did not answer in time.",
            connection: `The connection to the provider broke${detail(failure)}.`,
            "bad-signature": `The provider answered, but not with a signature of the account's provider key${detail(failure)}.`,
            "server-error": `The provider was reached and has a fault of its own${detail(failure)}.`,
            unreadable: `The provider answered something that is not its protocol${detail(failure)}.`,
            egress: `The channel asked for a host that it does not declare${detail(failure)}.`,
            defect: "The channel's own code failed; the log says where."
          }[failure.why]
  })

const detail = ({ detail }: ChannelUncertain): string => (detail === undefined ? "" : ` (${detail})`)

export const channelEnable = operation({
  name: "channel.enable",
  summary: "Let a disabled account serve orders again",
  permission: "accounts:write",
  scope: "gateway",
  positional: ["id"],
  input: Schema.Struct({ id }),
  output: AccountView,
  run: (_actor, input) => changeAccount(input.id, { enabled: true })
})

export const channelDisable = operation({
  name: "channel.disable",
  summary: "Give an account no new orders; those under way still settle",
  permission: "accounts:write",
  scope: "gateway",
  positional: ["id"],
  input: Schema.Struct({ id }),
  output: AccountView,
  run: (_actor, input) => changeAccount(input.id, { enabled: false })
})

export const channelRemove = operation({
  name: "channel.remove",
  summary: "Take an account off the list for good; notices of its old orders still count",
  permission: "accounts:write",
  scope: "gateway",
  positional: ["id"],
  input: Schema.Struct({ id }),
  output: Schema.Struct({ id: Schema.String, removed: Schema.Literal(true) }),
  run: Effect.fnUntraced(function* (_actor, input) {
    const { providers } = yield* Channels
    const { provider } = yield* findAccount(input.id)
    if (input.id === provider && providers.some(({ id, testMode }) => id === provider && testMode !== undefined)) {
      return yield* new OperatorError({
        message: `Test-mode merchants need the account ${input.id}. \`payhub channel disable ${input.id}\` stops them.`
      })
    }
    yield* changeAccount(input.id, { removed: true })
    return { id: input.id, removed: true as const }
  })
})

const changeAccount = (id: string, change: { enabled?: boolean; removed?: true; feeRateBp?: number }) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    yield* findAccount(id)
    const changed = yield* accounts.change(id, change)
    // Other processes hear it from the store; this one need not wait for that.
    ;(yield* Channels).forget(id)
    return yield* viewOf(changed ?? (yield* unknownAccount(id)))
  })

const checkSettings = (provider: string, settings: Schema.Json) =>
  Effect.gen(function* () {
    const channels = yield* Channels
    yield* channels.check(provider, settings).pipe(
      Effect.mapError(
        ({ field, message }) =>
          new OperatorError({
            message: field === "provider" ? `${message}.` : `The account file does not work: ${field}: ${message}`
          })
      )
    )
  })

const openSettings = (stored: StoredAccount) =>
  Effect.gen(function* () {
    const vault = yield* Vault
    const text = yield* vault.open(stored.sealed, `account:${stored.id}`)
    return { raw: JSON.parse(Redacted.value(text)) as unknown }
  })

const viewOf = (stored: StoredAccount) =>
  Effect.gen(function* () {
    const { providers } = yield* Channels
    const ownUrl = yield* OwnUrl
    const provider = providers.find(({ id }) => id === stored.provider)
    const { settings, problem } = yield* shownSettings(stored, provider)
    const view: typeof AccountView.Type = {
      id: stored.id,
      provider: stored.provider,
      name: stored.name,
      enabled: stored.enabled,
      fee_rate_bp: stored.feeRateBp,
      notice_url: ownUrl.notice(stored.id),
      created_at: stored.createdAt.toISOString(),
      problem,
      settings
    }
    return view
  })

const shownSettings = (stored: StoredAccount, provider: AnyProvider | undefined) =>
  Effect.gen(function* () {
    if (provider === undefined) return { settings: null, problem: `no channel provider "${stored.provider}" is loaded` }
    const { raw } = yield* openSettings(stored)
    const decoded: unknown = yield* Schema.decodeUnknownEffect(provider.account)(raw)
    return { settings: redact(decoded), problem: null }
  }).pipe(
    Effect.catchTag(["VaultRefused", "SchemaError"], (reason) =>
      Effect.succeed({
        settings: null,
        // A schema's complaint could quote what it complains about.
        problem: reason._tag === "VaultRefused" ? reason.message : "the settings are not what the provider takes"
      })
    )
  )

/** Decoded settings as JSON, every Redacted as "<redacted>": a secret that is not opened cannot be shown. */
const redact = (value: unknown): Schema.Json => {
  if (Redacted.isRedacted(value)) return "<redacted>"
  if (value === null || typeof value === "string" || typeof value === "boolean") return value
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value)
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(redact)
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`
  if (typeof value !== "object") return String(value)
  const shown: Record<string, Schema.Json> = {}
  for (const [key, member] of Object.entries(value)) if (member !== undefined) shown[key] = redact(member)
  return shown
}

/** The JSON Schema of a provider's account; null = its schema has a part that JSON Schema has no words for. */
const accountSchema = (provider: AnyProvider): Schema.Json => {
  try {
    const { schema, definitions } = Schema.toJsonSchemaDocument(provider.account)
    return (Object.keys(definitions).length === 0 ? schema : { ...schema, $defs: definitions }) as Schema.Json
  } catch {
    return null
  }
}

/** The names of an account's fields; those that not every account needs with "?". */
const fieldsOf = (schema: Schema.Json): ReadonlyArray<string> => {
  interface Shape {
    readonly properties?: object
    readonly required?: ReadonlyArray<string>
    readonly anyOf?: ReadonlyArray<Shape>
  }
  const whole = (schema ?? {}) as Shape
  const variants = whole.anyOf ?? [whole]
  const names = new Set(variants.flatMap(({ properties = {} }) => Object.keys(properties)))
  return [...names].map((name) => (variants.every(({ required = [] }) => required.includes(name)) ? name : `${name}?`))
}
