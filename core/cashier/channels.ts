import { Cache, Clock, Context, Duration, Effect, Exit, Layer, Redacted } from "effect"
import { AccountInvalid } from "../channel/errors.ts"
import type { Channel, Product } from "../channel/provider.ts"
import { OwnUrl } from "../config/own-url.ts"
import { TEST_DEFAULT_CODE } from "../domain/channel-code.ts"
import type { StoreUnavailable } from "../domain/errors.ts"
import type { Merchant } from "../domain/merchant.ts"
import { Accounts, type StoredAccount } from "../pipeline/persistence/accounts.ts"
import { SeenKeys } from "../pipeline/persistence/seen-keys.ts"
import { Vault } from "../secrets/vault.ts"
import { type AnyProvider, type OpenedAccount, openAccount, openSettings, withTerms } from "./opened-account.ts"

/** Opening an account only parses its keys; a plugin that needs longer than this is treated as hung. */
const OPEN_DEADLINE_MS = 5_000

/** How long an account is served without a look at what is stored: the bound on a lost invalidation. */
const CACHED_FOR = Duration.seconds(30)

/** Retry delay of an account that cannot be opened. */
const UNUSABLE_FOR = Duration.seconds(5)

/** Opened accounts in memory; beyond this many, some are dropped and opened again when needed. */
const CACHED_MAX = 10_000

/** An account that can take an order, and the product it would charge it as. */
export interface Candidate {
  readonly account: OpenedAccount
  readonly product: Product
}

/** The loaded providers and the accounts at them. */
export class Channels extends Context.Service<
  Channels,
  {
    readonly providers: ReadonlyArray<AnyProvider>
    /** Every code of the loaded providers, in the providers' order, each once. */
    readonly products: ReadonlyArray<Product>
    readonly product: (code: string) => Product | undefined
    /** Decodes and opens settings without storing them; the error names the field and contains no secret. */
    readonly check: (providerId: string, settings: unknown) => Effect.Effect<Channel, AccountInvalid>
    /**
     * An account by id, removed ones too (their notices still count). null = no such account, or it cannot be opened.
     */
    readonly open: (accountId: string) => Effect.Effect<OpenedAccount | null, StoreUnavailable>
    /**
     * The accounts that can take an order, best first: the merchant's chosen accounts in its order, else all enabled
     * ones. Test-mode merchants get test accounts only, live merchants never do.
     * @param code the requested channel code; undefined = the merchant's first usable one of flow "qrcode"
     * @param amountFen whole fen; accounts whose product does not take the amount are left out
     */
    readonly candidates: (
      merchant: Merchant,
      code: string | undefined,
      amountFen: number
    ) => Effect.Effect<ReadonlyArray<Candidate>, StoreUnavailable>
    /** Codes that at least one enabled live account serves now. */
    readonly liveCodes: () => Effect.Effect<ReadonlySet<string>, StoreUnavailable>
    /** This process has never found the account and would have to ask the store about it. */
    readonly isNew: (accountId: string) => boolean
    /** Has one account, or all of them, read from the store again; only changed settings are opened again. */
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
        const seen = new SeenKeys(yield* Clock.Clock)
        const byId = new Map(providers.map((provider) => [provider.id, provider]))
        const products = [
          // Where providers share a code, the last one's product stands. Test-mode providers come first: the sandbox
          // has every code, and a real provider's product replaces its own.
          ...new Map(
            [...providers]
              .sort((a, b) => Number(a.testMode === undefined) - Number(b.testMode === undefined))
              .flatMap(({ products }) => products.map((product) => [product.code, product] as const))
          ).values()
        ]
        // An account is opened again only when what it was opened with has changed, so that its keys are parsed once and
        // what its channel has fetched (platform certificates) outlives the cache.
        const kept = new Map<string, { readonly from: string; readonly account: OpenedAccount }>()
        const openStored = Effect.fnUntraced(function* (stored: StoredAccount) {
          const provider = byId.get(stored.provider)
          if (provider === undefined) return null
          const { publicUrl, localUrl } = urls()
          const from = [stored.provider, stored.sealed, publicUrl, localUrl].join("\n")
          const before = kept.get(stored.id)
          if (before?.from === from) return withTerms(before.account, stored)
          kept.delete(stored.id)
          const text = yield* vault.open(stored.sealed, `account:${stored.id}`)
          const account = yield* openAccount(provider, stored, JSON.parse(Redacted.value(text)), urls())
          for (const oldest of kept.keys()) if (kept.size >= CACHED_MAX) kept.delete(oldest)
          kept.set(stored.id, { from, account })
          return account
        })

        const load = Effect.fnUntraced(function* (accountId: string) {
          const stored = yield* seen.noting(accountId, accounts.find(accountId))
          if (stored === null) return { account: null, keptFor: Duration.zero }
          const unusable = (reason: string) =>
            Effect.logError("a channel account cannot be opened", { account: accountId, reason }).pipe(Effect.as(null))
          // A plugin that throws or hangs here loses only this account; the other accounts of its code keep serving.
          const account = yield* openStored(stored).pipe(
            Effect.timeoutOrElse({ duration: OPEN_DEADLINE_MS, orElse: () => unusable("the channel's code hung") }),
            Effect.catchTag(["AccountInvalid", "VaultRefused"], (reason) => unusable(reason.message)),
            // Only the error's name is logged: a parser's message may quote part of a key.
            Effect.catchDefect((defect) => unusable(`it threw ${defect instanceof Error ? defect.name : "a defect"}`))
          )
          return { account, keptFor: account === null ? UNUSABLE_FOR : CACHED_FOR }
        })

        const opened = yield* Cache.makeWith(load, {
          capacity: CACHED_MAX,
          timeToLive: (exit) => (Exit.isSuccess(exit) ? exit.value.keptFor : Duration.zero)
        })
        const open = (accountId: string) =>
          seen.isAbsent(accountId)
            ? Effect.succeed(null)
            : Effect.map(Cache.get(opened, accountId), ({ account }) => account)

        const listed = yield* Cache.makeWith((_: "all") => accounts.list(), {
          capacity: 1,
          timeToLive: (exit) => (Exit.isSuccess(exit) ? CACHED_FOR : Duration.zero)
        })
        const list = () => Cache.get(listed, "all")

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
              : Effect.map(openSettings(provider, settings, urls()), ({ channel }) => channel)
          },
          open,
          candidates: Effect.fnUntraced(function* (merchant, code, amountFen) {
            const wanted = code ?? (merchant.mode === "test" ? TEST_DEFAULT_CODE : undefined)
            const found: Array<Candidate> = []
            for (const { id, provider } of yield* usable(merchant)) {
              const product = byId.get(provider)?.products.find(
                (candidate) =>
                  // The first account found fixes the code, so failover never changes the code that the merchant is
                  // told.
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
          isNew: (accountId) => seen.isNew(accountId),
          forget: (accountId) => {
            seen.forget(accountId)
            Effect.runSync(Cache.invalidateAll(listed))
            Effect.runSync(accountId === undefined ? Cache.invalidateAll(opened) : Cache.invalidate(opened, accountId))
          }
        })
      })
    )
}
