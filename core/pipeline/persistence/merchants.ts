import { Context } from "effect"
import type { Merchant, MerchantMode } from "../../domain/merchant.ts"
import type { ThrottleRule } from "../../domain/throttle-rule.ts"
import type { Stored } from "./stored.ts"

/** A merchant's secret as it is stored. */
export interface SealedSecret {
  readonly id: number
  readonly sealed: string
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly firstUsedAt: Date | null
}

export interface StoredMerchant {
  readonly merchant: Merchant
  /** The secrets that have not expired. */
  readonly secrets: ReadonlyArray<SealedSecret>
}

export interface NewMerchant {
  readonly appId: string
  readonly name: string
  readonly mode: MerchantMode
  readonly callbackUrl: string | null
  readonly allowIps: ReadonlyArray<string>
  readonly throttle: ThrottleRule | null
  readonly accounts: ReadonlyArray<string> | null
  readonly sealedSecret: string
}

/** An absent field stays as it is. */
export interface MerchantChange {
  readonly name?: string
  readonly active?: boolean
  readonly callbackUrl?: string | null
  readonly allowIps?: ReadonlyArray<string>
  readonly throttle?: ThrottleRule | null
  readonly accounts?: ReadonlyArray<string> | null
}

/** Merchants and their sealed secrets. */
export class Merchants extends Context.Service<
  Merchants,
  {
    readonly find: (appId: string) => Stored<StoredMerchant | null>
    readonly findById: (merchantId: number) => Stored<StoredMerchant | null>
    readonly list: () => Stored<ReadonlyArray<Merchant>>
    readonly create: (merchant: NewMerchant) => Stored<Merchant>
    /** null = no such merchant. Every gateway drops the merchant from its cache. */
    readonly update: (appId: string, change: MerchantChange) => Stored<Merchant | null>
    /** Adds a secret; the merchant's live ones expire at `othersExpireAt`, or at their own expiry if that is sooner. */
    readonly addSecret: (merchantId: number, sealed: string, othersExpireAt: Date) => Stored<void>
    /** Replaces a sealed secret (key rotation). */
    readonly resealSecret: (merchantId: number, secretId: number, sealed: string) => Stored<void>
    /** Records when a secret first verified a request. Idempotent. */
    readonly secretUsed: (merchantId: number, secretId: number, at: Date) => Stored<void>
  }
>()("payhub/persistence/Merchants") {}
