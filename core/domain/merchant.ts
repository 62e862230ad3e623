import type { Redacted } from "effect"
import type { ThrottleRule } from "./throttle-rule.ts"

/** `test` merchants (`pk_test_…`) are charged at the sandbox only; `live` ones (`pk_live_…`) never reach it. */
export type MerchantMode = "live" | "test"

/** A merchant as the pipeline sees it. */
export interface Merchant {
  readonly id: number
  readonly appId: string
  readonly name: string
  readonly mode: MerchantMode
  readonly active: boolean
  /** Where webhooks go when an order names no notify_url. */
  readonly callbackUrl: string | null
  /** IPv4/IPv6 addresses and CIDR ranges; empty = every address. */
  readonly allowIps: ReadonlyArray<string>
  /** null = the gateway's default. */
  readonly throttle: ThrottleRule | null
  /** Ids of the channel accounts this merchant uses, in its order of preference; null = every enabled account. */
  readonly accounts: ReadonlyArray<string> | null
  readonly createdAt: Date
}

/** One secret of a merchant, decrypted. */
export interface MerchantSecret {
  readonly id: number
  readonly secret: Redacted.Redacted<string>
  readonly createdAt: Date
  /** When a rotation's overlap ends and the secret stops counting; null = until it is rotated. */
  readonly expiresAt: Date | null
  /** When the first request signed with it was verified; null = not yet. */
  readonly firstUsedAt: Date | null
}

/**
 * The secret that signs webhooks now: the newest live one that has verified a request, so that a merchant in the middle
 * of a rotation gets no signature that it cannot check yet; if none has, the oldest live one, which is the only one
 * once the overlap is over (contract section 4). undefined = no secret is live.
 */
export const signingSecret = (secrets: ReadonlyArray<MerchantSecret>, nowMs: number): MerchantSecret | undefined => {
  const live = liveSecrets(secrets, nowMs)
  return live.find((secret) => secret.firstUsedAt !== null) ?? live.at(-1)
}

/** The secrets that verify requests now, newest first. */
export const liveSecrets = (secrets: ReadonlyArray<MerchantSecret>, nowMs: number): ReadonlyArray<MerchantSecret> =>
  secrets
    .filter((secret) => secret.expiresAt === null || secret.expiresAt.getTime() > nowMs)
    .sort((a, b) => b.id - a.id)
