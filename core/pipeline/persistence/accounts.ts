import { Context } from "effect"
import type { Stored } from "./stored.ts"

/** An account at a channel's provider. */
export interface StoredAccount {
  readonly id: string
  readonly provider: string
  readonly name: string
  readonly enabled: boolean
  /** A removed account takes no orders but still reads the notices of its old ones. */
  readonly removed: boolean
  /** Basis points of the amount. */
  readonly feeRateBp: number
  /** The account's settings as JSON, sealed. */
  readonly sealed: string
  readonly createdAt: Date
}

/** Channel accounts with their sealed settings. */
export class Accounts extends Context.Service<
  Accounts,
  {
    readonly find: (id: string) => Stored<StoredAccount | null>
    /** All accounts but the removed ones, oldest first: the default order of preference. */
    readonly list: () => Stored<ReadonlyArray<StoredAccount>>
    /** All accounts, removed ones too. */
    readonly listAll: () => Stored<ReadonlyArray<StoredAccount>>
    /** Changes nothing if the id exists; returns the stored account. */
    readonly create: (account: Omit<StoredAccount, "enabled" | "removed" | "createdAt">) => Stored<StoredAccount>
    /** null = no such account. */
    readonly change: (
      id: string,
      change: { readonly enabled?: boolean; readonly feeRateBp?: number }
    ) => Stored<StoredAccount | null>
    /**
     * Removes an account that has no PENDING orders, checked and done in one statement; a number = it has so many and
     * stays. An order that is being stored at that very moment may still come to be at a removed account: it is asked
     * about, closed and settled like any other, because a removed account is only marked. null = no such account.
     */
    readonly remove: (id: string) => Stored<"removed" | number | null>
    /** Replaces sealed settings (key rotation). */
    readonly reseal: (id: string, sealed: string) => Stored<void>
  }
>()("payhub/persistence/Accounts") {}
