import { Effect } from "effect"
import type { Merchant } from "../../../core/domain/merchant.ts"
import type { Merchants, StoredMerchant } from "../../../core/pipeline/persistence/merchants.ts"
import { type MemoryStore, refused } from "./store.ts"
import type { SecretRow } from "./tables.ts"

/** Merchants in memory: core/pipeline/persistence/merchants.ts says what each method promises. */
export const makeMerchants = ({ tables, nowMs, act, emit }: MemoryStore): Merchants["Service"] => {
  const { merchants, secrets } = tables
  const byId = (id: number) => [...merchants.values()].find((merchant) => merchant.id === id)
  const changed = (id: number) => {
    const merchant = byId(id)
    if (merchant !== undefined) emit({ kind: "merchant", id: merchant.appId })
  }

  const withSecrets = (merchant: Merchant | undefined): StoredMerchant | null => {
    if (merchant === undefined) return null
    const live = secrets.filter(
      ({ merchantId, expiresAt }) => merchantId === merchant.id && (expiresAt === null || expiresAt.getTime() > nowMs())
    )
    return { merchant, secrets: live.map(({ merchantId: _, ...secret }) => secret) }
  }

  const addSecret = (merchantId: number, sealed: string) => {
    const id = secrets.length + 1
    secrets.push({ id, merchantId, sealed, createdAt: new Date(nowMs()), expiresAt: null, firstUsedAt: null })
  }

  /** Replaces the secrets that `isMeant` picks; answers whether there were any. */
  const changeSecrets = (isMeant: (secret: SecretRow) => boolean, change: Partial<SecretRow>): boolean => {
    let found = false
    for (const [index, secret] of secrets.entries()) {
      if (!isMeant(secret)) continue
      secrets[index] = { ...secret, ...change }
      found = true
    }
    return found
  }

  return {
    find: (appId) => act("merchants.find", () => withSecrets(merchants.get(appId))),
    findById: (merchantId) => act("merchants.findById", () => withSecrets(byId(merchantId))),
    list: () => act("merchants.list", () => [...merchants.values()]),

    create: ({ sealedSecret, ...fields }) =>
      Effect.flatMap(
        act("merchants.create", () => {
          if (merchants.has(fields.appId)) return null
          const made = { ...fields, id: merchants.size + 1, active: true, createdAt: new Date(nowMs()) }
          merchants.set(made.appId, made)
          addSecret(made.id, sealedSecret)
          changed(made.id)
          return made
        }),
        (made) => (made === null ? refused : Effect.succeed(made))
      ),

    update: (appId, change) =>
      act("merchants.update", () => {
        const before = merchants.get(appId)
        if (before === undefined) return null
        const after = { ...before, ...change }
        merchants.set(appId, after)
        changed(after.id)
        return after
      }),

    addSecret: (merchantId, sealed, othersExpireAt) =>
      act("merchants.addSecret", () => {
        changeSecrets(
          (secret) =>
            secret.merchantId === merchantId && (secret.expiresAt === null || secret.expiresAt > othersExpireAt),
          { expiresAt: othersExpireAt }
        )
        addSecret(merchantId, sealed)
        changed(merchantId)
      }),

    resealSecret: (merchantId, secretId, sealed) =>
      act("merchants.resealSecret", () => {
        const isIt = ({ id, merchantId: owner }: SecretRow) => id === secretId && owner === merchantId
        if (changeSecrets(isIt, { sealed })) changed(merchantId)
      }),

    secretUsed: (merchantId, secretId, at) =>
      act("merchants.secretUsed", () => {
        const isIt = ({ id, merchantId: owner, firstUsedAt }: SecretRow) =>
          id === secretId && owner === merchantId && firstUsedAt === null
        if (changeSecrets(isIt, { firstUsedAt: at })) changed(merchantId)
      })
  }
}
