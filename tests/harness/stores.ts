import { Context, Layer } from "effect"
import { makeOwnUrl, OwnUrl } from "../../core/config/own-url.ts"
import { StoreStatus } from "../../core/observe/store-status.ts"
import { Accounts } from "../../core/pipeline/persistence/accounts.ts"
import { ChannelFacts } from "../../core/pipeline/persistence/channel-facts.ts"
import { Charges } from "../../core/pipeline/persistence/charges.ts"
import { Merchants } from "../../core/pipeline/persistence/merchants.ts"
import { Notices } from "../../core/pipeline/persistence/notices.ts"
import { Orders } from "../../core/pipeline/persistence/orders.ts"
import { Outbox } from "../../core/pipeline/persistence/outbox.ts"
import type { Persistence } from "../../core/pipeline/persistence/persistence.ts"
import { Settlements } from "../../core/pipeline/persistence/settlements.ts"
import { StoreClock } from "../../core/pipeline/persistence/store-clock.ts"
import { StoreSignals } from "../../core/pipeline/persistence/store-signals.ts"
import { Timeline } from "../../core/pipeline/persistence/timeline.ts"

/** The addresses of a gateway that nobody calls, for what must only know its own. */
export const ownUrlLayer = (url = ""): Layer.Layer<OwnUrl> =>
  Layer.succeed(
    OwnUrl,
    makeOwnUrl(() => ({ publicUrl: url, localUrl: url }))
  )

/** The persistence services by name, for tests that talk to stores themselves. */
export const storesOf = (context: Context.Context<Persistence>) => ({
  accounts: Context.get(context, Accounts),
  charges: Context.get(context, Charges),
  clock: Context.get(context, StoreClock),
  facts: Context.get(context, ChannelFacts),
  merchants: Context.get(context, Merchants),
  notices: Context.get(context, Notices),
  orders: Context.get(context, Orders),
  outbox: Context.get(context, Outbox),
  settlements: Context.get(context, Settlements),
  signals: Context.get(context, StoreSignals),
  status: Context.get(context, StoreStatus),
  timeline: Context.get(context, Timeline)
})

export type Stores = ReturnType<typeof storesOf>
