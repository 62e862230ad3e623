import type { StoreStatus } from "../../observe/store-status.ts"
import type { Accounts } from "./accounts.ts"
import type { ChannelFacts } from "./channel-facts.ts"
import type { Charges } from "./charges.ts"
import type { Merchants } from "./merchants.ts"
import type { Notices } from "./notices.ts"
import type { Orders } from "./orders.ts"
import type { Outbox } from "./outbox.ts"
import type { Settlements } from "./settlements.ts"
import type { StoreClock } from "./store-clock.ts"
import type { StoreSignals } from "./store-signals.ts"
import type { Timeline } from "./timeline.ts"

/** The services that a persistence plugin provides: all of this folder, and the store's status. */
export type Persistence =
  | Accounts
  | ChannelFacts
  | Charges
  | Merchants
  | Notices
  | Orders
  | Outbox
  | Settlements
  | StoreClock
  | StoreSignals
  | StoreStatus
  | Timeline
