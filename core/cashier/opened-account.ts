import { Effect, Redacted, Schema } from "effect"
import { AccountInvalid, ChannelUncertain } from "../channel/errors.ts"
import { ChannelHttp } from "../channel/http.ts"
import type { Channel, ChannelProvider } from "../channel/provider.ts"
import type { ChannelSite } from "../channel/site.ts"
import type { GatewayUrls } from "../config/own-url.ts"
import { logSampled } from "../observe/sampled-log.ts"
import { spanned } from "../observe/tracing.ts"
import { channelHttp, type Exchange } from "../outbound/channel-http.ts"
import type { StoredAccount } from "../pipeline/persistence/accounts.ts"

// biome-ignore lint/suspicious/noExplicitAny: a list holds different account types; openSettings decodes them
export type AnyProvider = ChannelProvider<any>

/** An account whose settings are decoded and whose channel is open. */
export interface OpenedAccount {
  readonly id: string
  readonly provider: AnyProvider
  readonly channel: Channel
  /** Basis points of the amount. */
  readonly feeRateBp: number
  readonly enabled: boolean
  /** Decoded by the provider's schema; secrets in it are Redacted. */
  readonly settings: unknown
  /** The provider's own pages, which take these settings. */
  readonly site: ChannelSite<unknown> | undefined
  /**
   * Runs one call of the channel's code with its ChannelHttp: egress list, recording into `record`, and a deadline of
   * ACT_DEADLINE_MS. A timeout or a defect becomes ChannelUncertain, so one channel's bug harms only its own order.
   */
  readonly act: <A, E>(
    effect: () => Effect.Effect<A, E, ChannelHttp>,
    record: Array<Exchange>,
    options?: { readonly bill?: boolean }
  ) => Effect.Effect<A, E | ChannelUncertain>
}

/** Longer than ChannelHttp's own deadline (15 s), for channels that call twice (certificates, then the order). */
const ACT_DEADLINE_MS = 20_000

/** Decodes an account's settings and opens it; its keys are parsed once, here. Fails with AccountInvalid. */
export const openAccount = Effect.fnUntraced(function* (
  provider: AnyProvider,
  stored: StoredAccount,
  given: unknown,
  urls: GatewayUrls
) {
  const { settings, channel, egress } = yield* openSettings(provider, given, urls)
  const limits = { egress, secrets: secretsOf(settings) }
  const account: Omit<OpenedAccount, keyof Terms> = {
    id: stored.id,
    provider,
    channel,
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
          // A forged notice may be what makes it throw.
          logSampled(Effect.logError, "a channel threw", stored.id, {
            provider: provider.id,
            defect: String(defect)
          }).pipe(Effect.andThen(Effect.fail(new ChannelUncertain({ why: "defect" }))))
        )
      )
    }
  }
  return withTerms(account, stored)
})

type Terms = Pick<OpenedAccount, "feeRateBp" | "enabled">

/** An opened account on its terms as they are stored now, which change without its being opened again. */
export const withTerms = (account: Omit<OpenedAccount, keyof Terms>, stored: StoredAccount): OpenedAccount => ({
  ...account,
  feeRateBp: stored.feeRateBp,
  enabled: stored.enabled && !stored.removed
})

/** Decodes settings by the provider's schema and opens a channel on them. Stores nothing. Fails with AccountInvalid. */
export const openSettings = Effect.fnUntraced(function* (provider: AnyProvider, given: unknown, urls: GatewayUrls) {
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

/**
 * A schema error as one sentence of at most 500 characters. It names paths and expectations; values may be secrets and
 * are removed.
 */
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
