import { Clock, Effect, Redacted, Schema } from "effect"
import { Settings } from "../config/gateway-config.ts"
import { type Merchant, signingSecret } from "../domain/merchant.ts"
import { checkNotifyUrl, NOTIFY_URL_CHARS_MAX } from "../domain/notify-url.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import type { MerchantChange } from "../pipeline/persistence/merchants.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { Vault } from "../secrets/vault.ts"
import { newAppId, newAppSecret } from "./credentials.ts"
import { findMerchant, unknownMerchant } from "./find.ts"
import {
  AddressRange,
  Duration,
  durationMs,
  hinted,
  Name,
  nullable,
  Throttle,
  throttleOf,
  throttleText
} from "./inputs.ts"
import { InputInvalid, OperatorError, operation } from "./operation.ts"

/** A merchant without its secrets. Times are ISO 8601 in UTC. */
const MerchantView = Schema.Struct({
  app_id: Schema.String,
  name: Schema.String,
  mode: Schema.Literals(["live", "test"]),
  active: Schema.Boolean,
  callback_url: Schema.NullOr(Schema.String),
  allow_ips: Schema.Array(Schema.String),
  /** null = the gateway's own rule. */
  throttle: Schema.NullOr(Schema.String),
  /** null = every enabled account. */
  accounts: Schema.NullOr(Schema.Array(Schema.String)),
  created_at: Schema.String
})

const viewOf = (merchant: Merchant): typeof MerchantView.Type => ({
  app_id: merchant.appId,
  name: merchant.name,
  mode: merchant.mode,
  active: merchant.active,
  callback_url: merchant.callbackUrl,
  allow_ips: merchant.allowIps,
  throttle: merchant.throttle === null ? null : throttleText(merchant.throttle),
  accounts: merchant.accounts,
  created_at: merchant.createdAt.toISOString()
})

const appId = hinted(Schema.String, { help: "The merchant's app_id (pk_live_… or pk_test_…)", placeholder: "APP_ID" })
const name = hinted(Name, { help: "What you call the merchant", placeholder: "NAME" })
const callbackUrl = hinted(Schema.String, {
  help: "Where webhooks go when an order names no notify_url",
  placeholder: "URL"
})
const allowIps = hinted(Schema.Array(AddressRange), {
  help: "An address or range that requests may come from; repeat for more (default: every address)",
  placeholder: "CIDR",
  flag: "allow-ip"
})
const throttle = hinted(Throttle, {
  help: "Orders per window and address, such as 100/1s, or off (default: PAYHUB_THROTTLE)",
  placeholder: "RULE"
})
const accounts = hinted(Schema.Array(Schema.String), {
  help: "A channel account that serves the merchant; repeat in order of preference (default: every enabled one)",
  placeholder: "ID",
  flag: "account"
})

export const merchantCreate = operation({
  name: "merchant.create",
  summary: "Make a merchant and print its app_id and its app_secret, which is shown only this once",
  permission: "merchants:write",
  scope: "gateway",
  input: Schema.Struct({
    name,
    test: Schema.optionalKey(
      hinted(Schema.Boolean, { help: "A test merchant (pk_test_…): its orders are charged at the sandbox only" })
    ),
    callbackUrl: Schema.optionalKey(callbackUrl),
    allowIps: Schema.optionalKey(allowIps),
    throttle: Schema.optionalKey(throttle),
    accounts: Schema.optionalKey(accounts)
  }),
  output: Schema.Struct({
    app_id: Schema.String,
    app_secret: Schema.RedactedFromValue(Schema.String),
    name: Schema.String,
    mode: Schema.Literals(["live", "test"]),
    /** The rule that holds for it: its own, or the gateway's. */
    throttle: Schema.String
  }),
  afterword: ({ app_id, throttle }, input) =>
    input.throttle !== undefined || throttle === "off"
      ? "Keep the app_secret now: it is not shown again."
      : `Keep the app_secret now: it is not shown again.\nPAYHUB_THROTTLE holds for this merchant: ${throttle} for each address, and a shop's server is one address.\n\`payhub merchant update ${app_id} --throttle 100/1s\` allows it more.`,
  run: Effect.fnUntraced(function* (_actor, input) {
    if (input.callbackUrl !== undefined) yield* checkCallbackUrl(input.callbackUrl)
    if (input.accounts !== undefined) yield* checkAccounts(input.accounts)
    const merchants = yield* Merchants
    const vault = yield* Vault
    const mode = input.test === true ? "test" : "live"
    const appId = newAppId(mode)
    const secret = newAppSecret(mode)
    const merchant = yield* merchants.create({
      appId,
      name: input.name,
      mode,
      callbackUrl: input.callbackUrl ?? null,
      allowIps: input.allowIps ?? [],
      throttle: input.throttle === undefined ? null : throttleOf(input.throttle),
      accounts: input.accounts === undefined || input.accounts.length === 0 ? null : input.accounts,
      sealedSecret: vault.seal(secret, `merchant:${appId}`)
    })
    const rule = merchant.throttle ?? (yield* Settings).throttle
    return {
      app_id: merchant.appId,
      app_secret: secret,
      name: merchant.name,
      mode: merchant.mode,
      throttle: throttleText(rule)
    }
  })
})

export const merchantList = operation({
  name: "merchant.list",
  summary: "List the merchants",
  permission: "merchants:read",
  scope: "gateway",
  input: Schema.Struct({}),
  output: Schema.Array(MerchantView),
  columns: ["app_id", "name", "mode", "active", "throttle", "callback_url"],
  run: Effect.fnUntraced(function* () {
    const merchants = yield* Merchants
    return (yield* merchants.list()).map(viewOf)
  })
})

export const merchantShow = operation({
  name: "merchant.show",
  summary: "Show a merchant and how old its secrets are",
  permission: "merchants:read",
  scope: "merchant",
  positional: ["appId"],
  input: Schema.Struct({ appId }),
  output: Schema.Struct({
    ...MerchantView.fields,
    secrets: Schema.Array(
      Schema.Struct({
        created_at: Schema.String,
        /** null = until the next reset. */
        expires_at: Schema.NullOr(Schema.String),
        /** null = no request has used it yet. */
        first_used_at: Schema.NullOr(Schema.String),
        signs_webhooks: Schema.Boolean
      })
    )
  }),
  run: Effect.fnUntraced(function* (_actor, input) {
    const { merchant, secrets } = yield* findMerchant(input.appId)
    const nowMs = yield* Clock.currentTimeMillis
    // Which secret signs does not depend on its text, so none is decrypted.
    const signs = signingSecret(
      secrets.map((secret) => ({ ...secret, secret: Redacted.make("") })),
      nowMs
    )
    return {
      ...viewOf(merchant),
      secrets: secrets.map((secret) => ({
        created_at: secret.createdAt.toISOString(),
        expires_at: secret.expiresAt?.toISOString() ?? null,
        first_used_at: secret.firstUsedAt?.toISOString() ?? null,
        signs_webhooks: secret.id === signs?.id
      }))
    }
  })
})

export const merchantUpdate = operation({
  name: "merchant.update",
  summary: "Change the settings that you name of a merchant and leave the rest; none clears a setting",
  permission: "merchants:write",
  scope: "merchant",
  positional: ["appId"],
  input: Schema.Struct({
    appId,
    name: Schema.optionalKey(name),
    callbackUrl: Schema.optionalKey(nullable(callbackUrl)),
    allowIps: Schema.optionalKey(allowIps),
    throttle: Schema.optionalKey(nullable(throttle)),
    accounts: Schema.optionalKey(nullable(accounts))
  }),
  output: MerchantView,
  run: Effect.fnUntraced(function* (_actor, { appId, throttle, ...rest }) {
    const change: MerchantChange = {
      ...rest,
      ...(throttle === undefined ? {} : { throttle: throttle === null ? null : throttleOf(throttle) })
    }
    if (Object.keys(change).length === 0) {
      return yield* new InputInvalid({ problems: [{ field: "input", message: "name something to change" }] })
    }
    if (typeof change.callbackUrl === "string") yield* checkCallbackUrl(change.callbackUrl)
    if (change.accounts !== undefined && change.accounts !== null) yield* checkAccounts(change.accounts)
    return yield* changeMerchant(appId, change)
  })
})

export const merchantDisable = operation({
  name: "merchant.disable",
  summary: "Refuse a merchant's requests from now on; payments under way still settle",
  permission: "merchants:write",
  scope: "merchant",
  positional: ["appId"],
  input: Schema.Struct({ appId }),
  output: MerchantView,
  run: (_actor, input) => changeMerchant(input.appId, { active: false })
})

export const merchantEnable = operation({
  name: "merchant.enable",
  summary: "Serve a disabled merchant again",
  permission: "merchants:write",
  scope: "merchant",
  positional: ["appId"],
  input: Schema.Struct({ appId }),
  output: MerchantView,
  run: (_actor, input) => changeMerchant(input.appId, { active: true })
})

export const merchantResetSecret = operation({
  name: "merchant.reset-secret",
  summary: "Give a merchant a new app_secret and print it, only this once",
  permission: "merchants:write",
  scope: "merchant",
  positional: ["appId"],
  input: Schema.Struct({
    appId,
    overlap: Schema.optionalKey(
      hinted(Duration, {
        help: "How long the old secret still works, such as 24h (default: 0, it ends now)",
        placeholder: "TIME"
      })
    )
  }),
  output: Schema.Struct({ app_id: Schema.String, app_secret: Schema.RedactedFromValue(Schema.String) }),
  afterword: (_output, { overlap = "0" }) =>
    `Keep the app_secret now: it is not shown again. ${durationMs(overlap) === 0 ? "The old one has ended." : `The old one works for another ${overlap}.`}`,
  run: Effect.fnUntraced(function* (_actor, { appId, overlap = "0" }) {
    const merchants = yield* Merchants
    const vault = yield* Vault
    const { merchant } = yield* findMerchant(appId)
    const secret = newAppSecret(merchant.mode)
    const othersExpireAt = new Date((yield* Clock.currentTimeMillis) + (durationMs(overlap) ?? 0))
    yield* merchants.addSecret(merchant.id, vault.seal(secret, `merchant:${merchant.appId}`), othersExpireAt)
    return { app_id: merchant.appId, app_secret: secret }
  })
})

const changeMerchant = (appId: string, change: MerchantChange) =>
  Effect.gen(function* () {
    const merchants = yield* Merchants
    const merchant = yield* merchants.update(appId, change)
    return viewOf(merchant ?? (yield* unknownMerchant(appId)))
  })

const checkCallbackUrl = (url: string) =>
  Effect.gen(function* () {
    const { webhookAllow } = yield* Settings
    const verdict = checkNotifyUrl(url, webhookAllow)
    if (verdict === "ok") return
    const message = {
      malformed: "must be an absolute http or https URL without user and password",
      "too-long": `must have at most ${NOTIFY_URL_CHARS_MAX} characters`,
      private: "is at an address that is not public; PAYHUB_WEBHOOK_ALLOW can list it"
    }[verdict]
    return yield* new InputInvalid({ problems: [{ field: "callbackUrl", message }] })
  })

const checkAccounts = (ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const known = new Set((yield* accounts.list()).map(({ id }) => id))
    const unknown = ids.filter((id) => !known.has(id))
    if (unknown.length === 0) return
    return yield* new OperatorError({
      message: `There is no channel account ${unknown.join(", ")}. \`payhub channel list\` shows them.`
    })
  })
