import { Context } from "effect"
import type { Stored } from "./stored.ts"

/** An account at a channel's provider. */
export interface StoredAccount {
  readonly id: string
  readonly provider: string
  readonly name: string
  readonly enabled: boolean
  /** Removed accounts serve no order but still read the notices of their old ones. */
  readonly removed: boolean
  /** Basis points of the amount. */
  readonly feeRateBp: number
  /** The account's JSON, sealed. */
  readonly sealed: string
  readonly createdAt: Date
}

/** Accounts at the providers of channels. */
export class Accounts extends Context.Service<
  Accounts,
  {
    readonly find: (id: string) => Stored<StoredAccount | null>
    /** All but the removed, oldest first: the default order of preference. */
    readonly list: () => Stored<ReadonlyArray<StoredAccount>>
    /** The removed too. */
    readonly listAll: () => Stored<ReadonlyArray<StoredAccount>>
    /** Does nothing when the id exists. */
    readonly create: (account: Omit<StoredAccount, "enabled" | "removed" | "createdAt">) => Stored<StoredAccount>
    readonly change: (
      id: string,
      change: { readonly enabled?: boolean; readonly removed?: true; readonly feeRateBp?: number }
    ) => Stored<StoredAccount | null>
    /** Replaces sealed settings (key rotation). */
    readonly reseal: (id: string, sealed: string) => Stored<void>
  }
>()("payhub/persistence/Accounts") {}
