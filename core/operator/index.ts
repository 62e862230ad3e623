import {
  channelAdd,
  channelDisable,
  channelEnable,
  channelList,
  channelProviders,
  channelRemove,
  channelUpdate
} from "./accounts.ts"
import { keyRotate } from "./keys.ts"
import {
  merchantCreate,
  merchantDisable,
  merchantEnable,
  merchantList,
  merchantResetSecret,
  merchantShow,
  merchantUpdate
} from "./merchants.ts"
import type { AnyOperation } from "./operation.ts"
import { orderCheck, orderList, orderShow, orderStrays } from "./orders.ts"
import { channelNew } from "./scaffold.ts"
import { channelTest } from "./test-account.ts"
import { webhookList, webhookResend } from "./webhooks.ts"

/** The operations that every gateway has, in the order of the help. */
export const OPERATIONS: ReadonlyArray<AnyOperation> = [
  merchantCreate,
  merchantList,
  merchantShow,
  merchantUpdate,
  merchantDisable,
  merchantEnable,
  merchantResetSecret,
  channelProviders,
  channelList,
  channelAdd,
  channelUpdate,
  channelTest,
  channelEnable,
  channelDisable,
  channelRemove,
  channelNew,
  orderShow,
  orderList,
  orderCheck,
  orderStrays,
  webhookList,
  webhookResend,
  keyRotate
]
