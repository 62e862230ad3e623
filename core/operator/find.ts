import { Effect } from "effect"
import type { StoredAccount } from "../pipeline/persistence/accounts.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import type { StoredMerchant } from "../pipeline/persistence/merchants.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { OperatorError } from "./operation.ts"

/* Finds what an operator names by its id, or fails with a sentence that says that there is none. */

export const unknownMerchant = (appId: string) =>
  new OperatorError({ message: `There is no merchant ${appId}. \`payhub merchant list\` shows them.` })

export const findMerchant = (appId: string) =>
  Effect.gen(function* () {
    const merchants = yield* Merchants
    const found: StoredMerchant | null = yield* merchants.find(appId)
    return found ?? (yield* unknownMerchant(appId))
  })

export const unknownAccount = (id: string) =>
  new OperatorError({ message: `There is no channel account ${id}. \`payhub channel list\` shows them.` })

/** A removed account counts as unknown. */
export const findAccount = (id: string) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const found: StoredAccount | null = yield* accounts.find(id)
    return found === null || found.removed ? yield* unknownAccount(id) : found
  })

export const findOrder = (orderNo: string) =>
  Effect.gen(function* () {
    const orders = yield* Orders
    const order = yield* orders.findByOrderNo(orderNo)
    return order ?? (yield* new OperatorError({ message: `There is no order ${orderNo}.` }))
  })
