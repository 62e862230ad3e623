import { Effect, Redacted, Schema } from "effect"
import { Channels } from "../cashier/channels.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { Vault } from "../secrets/vault.ts"
import { accountSchema, fieldNames } from "./account-fields.ts"
import { AccountView, accountView } from "./account-view.ts"
import { newAccountId } from "./credentials.ts"
import { findAccount, unknownAccount } from "./find.ts"
import { FeeRateBp, hinted, AccountId as id, Name } from "./inputs.ts"
import { InputInvalid, OperatorError, operation } from "./operation.ts"

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
        fields: fieldNames(account),
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
    return yield* Effect.forEach(yield* accounts.list(), accountView)
  })
})

export const channelAdd = operation({
  name: "channel.add",
  summary: "Add an account at a provider; it takes orders at once",
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
    return yield* accountView(stored)
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

export const channelEnable = operation({
  name: "channel.enable",
  summary: "Let a disabled account take orders again",
  permission: "accounts:write",
  scope: "gateway",
  positional: ["id"],
  input: Schema.Struct({ id }),
  output: AccountView,
  run: (_actor, input) => changeAccount(input.id, { enabled: true })
})

export const channelDisable = operation({
  name: "channel.disable",
  summary: "Stop an account from taking new orders; those under way still settle",
  permission: "accounts:write",
  scope: "gateway",
  positional: ["id"],
  input: Schema.Struct({ id }),
  output: AccountView,
  run: (_actor, input) => changeAccount(input.id, { enabled: false })
})

export const channelRemove = operation({
  name: "channel.remove",
  summary: "Remove an account without unpaid orders for good; notices of its old orders still count",
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
    const outcome = yield* (yield* Accounts).remove(input.id)
    if (outcome === null) return yield* unknownAccount(input.id)
    if (outcome !== "removed") {
      return yield* new OperatorError({
        message: `The account ${input.id} has ${outcome} PENDING ${outcome === 1 ? "order" : "orders"}, which may still be paid. \`payhub channel disable ${input.id}\` stops new ones; remove it once \`payhub order list --status PENDING\` shows none of it.`
      })
    }
    // Other processes learn it from the store's signal; this one does not wait for that.
    ;(yield* Channels).forget(input.id)
    return { id: input.id, removed: true as const }
  })
})

const changeAccount = (id: string, change: { enabled?: boolean; feeRateBp?: number }) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    yield* findAccount(id)
    const changed = yield* accounts.change(id, change)
    // Other processes learn it from the store's signal; this one does not wait for that.
    ;(yield* Channels).forget(id)
    return yield* accountView(changed ?? (yield* unknownAccount(id)))
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
