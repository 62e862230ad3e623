import { Effect } from "effect"
import type { Product } from "../channel/provider.ts"
import { Channels } from "./channels.ts"

/** A channel code of the loaded providers, and which merchants can use it now. */
export interface ListedChannel {
  readonly product: Product
  readonly live: boolean
  readonly test: true
}

/** Every loaded channel code: `GET /api/cashier/channels` (contract section 11). */
export const channelList = Effect.fnUntraced(function* () {
  const channels = yield* Channels
  const live = yield* channels.liveCodes()
  return channels.products.map((product): ListedChannel => ({ product, live: live.has(product.code), test: true }))
})

/** Path of the page that says what goes wrong in test mode at which amounts, if the provider has one. */
export const testFaultsPage = Effect.map(Channels, ({ providers }) => {
  const provider = providers.find(({ testMode }) => testMode?.faultsPage !== undefined)
  return provider?.testMode?.faultsPage
})
