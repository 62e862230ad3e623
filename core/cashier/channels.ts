import { Clock, Context, Effect, Layer, Redacted, Schema } from "effect"
import { AccountInvalid, ChannelUncertain } from "../channel/errors.ts"
import { ChannelHttp } from "../channel/http.ts"
import type { Channel, ChannelProvider, Product } from "../channel/provider.ts"
import type { ChannelSite } from "../channel/site.ts"
import { type GatewayUrls, OwnUrl } from "../config/own-url.ts"
import { TEST_DEFAULT_CODE } from "../domain/channel-code.ts"
import type { StoreUnavailable } from "../domain/errors.ts"
import type { Merchant } from "../domain/merchant.ts"
import { spanned } from "../observe/tracing.ts"
import { channelHttp, type Exchange } from "../outbound/channel-http.ts"
import { Accounts, type StoredAccount } from "../pipeline/persistence/accounts.ts"
import { Vault } from "../secrets/vault.ts"

// biome-ignore lint/suspicious/noExplicitAny: a list of providers holds different accounts; only `erase` opens them
export type AnyProvider = ChannelProvider<any>

/** An account that is ready to work. */
export interface OpenedAccount {
  readonly id: string
  readonly provider: AnyProvider
  readonly channel: Channel
  readonly feeRateBp: number
  readonly enabled: boolean
  /** Decoded; secrets are Redacted inside. */
  readonly settings: unknown
  /** The provider's own pages over these settings. */
  readonly site: ChannelSite<unknown> | undefined
  /**
   * Runs an act at the channel with its ChannelHttp: egress, recording, a deadline for code that hangs, and defects
   * turned into uncertainty, so that one channel's bug harms only its own order.
   */
  readonly act: <A, E>(
    effect: () => Effect.Effect<A, E, ChannelHttp>,
    record: Array<Exchange>,
    options?: { readonly bill?: boolean }
  ) => Effect.Effect<A, E | ChannelUncertain>
}

/** Longer than ChannelHttp's own deadline, for channels that call twice (certificates, then the order). */
const ACT_DEADLINE_MS = 20_000

/** Opening parses keys; a plugin that takes longer hangs. */
const OPEN_DEADLINE_MS = 5_000

/** How long an opened account may be used without asking the store, should an invalidation be lost. */
const CACHE_MS = 30_000

/** How long one that cannot be opened is passed over before it is tried again. */
const UNUSABLE_MS = 5_000

/** An account that can take an order, and the product that it would take it as. */
export interface Candidate {
  readonly account: OpenedAccount
  readonly product: Product
}

/** The providers that are loaded and the accounts at them. */
export class Channels extends Context.Service<
  Channels,
  {
    readonly providers: ReadonlyArray<AnyProvider>
    /** Every code of the loaded providers, in the providers' order, each once. */
    readonly products: ReadonlyArray<Product>
    readonly product: (code: string) => Product | undefined
    /** Decodes and opens settings without storing them; the sentence names the field and holds no secret. */
    readonly check: (providerId: string, settings: unknown) => Effect.Effect<Channel, AccountInvalid>
    /** An account by id, removed ones too (their notices still count). null = none, or it cannot be opened. */
    readonly open: (accountId: string) => Effect.Effect<OpenedAccount | null, StoreUnavailable>
    /**
     * The accounts that can take an order, best first: the merchant's own choice and order, else all enabled ones.
     * Test-mode merchants get the test account only, live ones never.
     * @param code the channel code asked for; undefined = the merchant's first usable one of flow "qrcode"
     */
    readonly candidates: (
      merchant: Merchant,
      code: string | undefined,
      amountFen: number
    ) => Effect.Effect<ReadonlyArray<Candidate>, StoreUnavailable>
    /** Codes that an enabled live account serves now. */
    readonly liveCodes: () => Effect.Effect<ReadonlySet<string>, StoreUnavailable>
    /** Drops what is cached of an account, or of all. */
    readonly forget: (accountId?: string) => void
  }
>()("payhub/cashier/Channels") {
  static readonly layer = (
    providers: ReadonlyArray<AnyProvider>
  ): Layer.Layer<Channels, never, Accounts | OwnUrl | Vault> =>
    Layer.effect(
      Channels,
      Effect.gen(function* () {
        const accounts = yield* Accounts
        const vault = yield* Vault
        const { urls } = yield* OwnUrl
        const clock = yield* Clock.Clock
        const byId = new Map(providers.map((provider) => [provider.id, provider]))
        const products = [
          // Of two providers with one code the first names it; the sandbox's, which has every code, come last.
          ...new Map(
            [...providers]
              .sort((a, b) => Number(a.testMode === undefined) - Number(b.testMode === undefined))
              .flatMap(({ products }) => products.map((product) => [product.code, product] as const))
          ).values()
        ]
        const opened = new Map<string, { readonly account: OpenedAccount | null; readonly untilMs: number }>()
        // Counts drops, so that what was read before a drop is not cached after it.
        let drops = 0
        let listed: { readonly accounts: ReadonlyArray<StoredAccount>; readonly untilMs: number } | undefined

        const openStored = Effect.fnUntraced(function* (stored: StoredAccount) {
          const provider = byId.get(stored.provider)
          if (provider === undefined) return null
          const text = yield* vault.open(stored.sealed, `account:${stored.id}`)
          const { settings, channel, egress } = yield* decodeAndOpen(provider, JSON.parse(Redacted.value(text)), urls())
          const limits = { egress, secrets: secretsOf(settings) }
          const account: OpenedAccount = {
            id: stored.id,
            provider,
            channel,
            feeRateBp: stored.feeRateBp,
            enabled: stored.enabled && !stored.removed,
            settings,
            site: provider.site,
            act: (effect, record, options) => {
              const http = channelHttp({ ...limits, ...options }, record)
              return spanned("channel.act", { provider: provider.id }, Effect.suspend(effect)).pipe(
                Effect.provideService(ChannelHttp, http),
                Effect.timeoutOrElse({
                  duration: ACT_DEADLINE_MS,
                  orElse: () => Effect.fail(new ChannelUncertain({ why: "timeout", detail: "the channel's code hung" }))
                }),
                Effect.catchDefect((defect) =>
                  Effect.logError("a channel threw", { provider: provider.id, defect: String(defect) }).pipe(
                    Effect.andThen(Effect.fail(new ChannelUncertain({ why: "defect" })))
                  )
                )
              )
            }
          }
          return account
        })

        const open = Effect.fnUntraced(function* (accountId: string) {
          const cached = opened.get(accountId)
          if (cached !== undefined && cached.untilMs > clock.currentTimeMillisUnsafe()) return cached.account
          const before = drops
          const stored = yield* accounts.find(accountId)
          if (stored === null) return null
          const unusable = (reason: string) =>
            Effect.logError("a channel account cannot be opened", { account: accountId, reason }).pipe(Effect.as(null))
          // A plugin that throws or hangs here is passed over, so that the other accounts of its code go on serving.
          const account = yield* openStored(stored).pipe(
            Effect.timeoutOrElse({ duration: OPEN_DEADLINE_MS, orElse: () => unusable("the channel's code hung") }),
            Effect.catchTag(["AccountInvalid", "VaultRefused"], (reason) => unusable(reason.message)),
            // Only the error's name: what a parser says of a key may hold a piece of it.
            Effect.catchDefect((defect) => unusable(`it threw ${defect instanceof Error ? defect.name : "a defect"}`))
          )
          const keptMs = account === null ? UNUSABLE_MS : CACHE_MS
          if (drops === before) opened.set(accountId, { account, untilMs: clock.currentTimeMillisUnsafe() + keptMs })
          return account
        })

        const list = Effect.fnUntraced(function* () {
          if (listed !== undefined && listed.untilMs > clock.currentTimeMillisUnsafe()) return listed.accounts
          const before = drops
          const found = yield* accounts.list()
          if (drops === before) listed = { accounts: found, untilMs: clock.currentTimeMillisUnsafe() + CACHE_MS }
          return found
        })

        const usable = Effect.fnUntraced(function* (merchant: Merchant) {
          const test = merchant.mode === "test"
          const enabled = (yield* list()).filter(
            ({ enabled, provider }) => enabled && (byId.get(provider)?.testMode !== undefined) === test
          )
          if (test || merchant.accounts === null) return enabled
          const chosen = merchant.accounts.map((id) => enabled.find((account) => account.id === id))
          return chosen.filter((account) => account !== undefined)
        })

        return Channels.of({
          providers,
          products,
          product: (code) => products.find((product) => product.code === code),
          check: (providerId, settings) => {
            const provider = byId.get(providerId)
            return provider === undefined
              ? Effect.fail(
                  new AccountInvalid({ field: "provider", message: `no channel provider "${providerId}" is loaded` })
                )
              : Effect.map(decodeAndOpen(provider, settings, urls()), ({ channel }) => channel)
          },
          open,
          candidates: Effect.fnUntraced(function* (merchant, code, amountFen) {
            const wanted = code ?? (merchant.mode === "test" ? TEST_DEFAULT_CODE : undefined)
            const found: Array<Candidate> = []
            for (const { id, provider } of yield* usable(merchant)) {
              const product = byId.get(provider)?.products.find(
                (candidate) =>
                  // The order's own code once one is chosen, so that failing over never changes what the merchant is told.
                  candidate.code ===
                  (wanted ?? found[0]?.product.code ?? (candidate.flow === "qrcode" ? candidate.code : ""))
              )
              if (product === undefined) continue
              if (amountFen < (product.minFen ?? 1) || amountFen > (product.maxFen ?? Number.MAX_SAFE_INTEGER)) continue
              const account = yield* open(id)
              if (account?.enabled) found.push({ account, product })
            }
            return found
          }),
          liveCodes: Effect.fnUntraced(function* () {
            const codes = new Set<string>()
            for (const { enabled, provider } of yield* list()) {
              const loaded = byId.get(provider)
              if (enabled && loaded !== undefined && loaded.testMode === undefined) {
                for (const { code } of loaded.products) codes.add(code)
              }
            }
            return codes
          }),
          forget: (accountId) => {
            drops++
            listed = undefined
            if (accountId === undefined) opened.clear()
            else opened.delete(accountId)
          }
        })
      })
    )
}

const decodeAndOpen = Effect.fnUntraced(function* (provider: AnyProvider, given: unknown, urls: GatewayUrls) {
  const settings = yield* Schema.decodeUnknownEffect(provider.account)(given, { errors: "all" }).pipe(
    Effect.mapError((error) => accountInvalid(error.message))
  )
  const channel = yield* provider.open(settings, urls)
  const egress = yield* Effect.try({
    try: () => provider.egress(settings, urls),
    catch: () => new AccountInvalid({ field: "account", message: "one of the account's addresses is not a URL" })
  })
  return { settings, channel, egress }
})

/** The schema's complaint as one sentence. It names paths and expectations; values could be secrets and are cut. */
const accountInvalid = (complaint: string): AccountInvalid => {
  const lines = complaint
    .replaceAll(/, (actual|got) .*/g, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
  const field = /at \[(.*)\]/.exec(complaint)?.[1]?.replaceAll('"', "") ?? "account"
  return new AccountInvalid({ field, message: lines.join(" ").slice(0, 500) })
}

/** Every Redacted text inside decoded settings. */
const secretsOf = (settings: unknown): ReadonlyArray<string> => {
  if (Redacted.isRedacted(settings)) return [String(Redacted.value(settings))]
  if (Array.isArray(settings)) return settings.flatMap(secretsOf)
  return typeof settings === "object" && settings !== null ? Object.values(settings).flatMap(secretsOf) : []
}
