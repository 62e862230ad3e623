import { ACCOUNT_CASES } from "./account.ts"
import { ANSWER_CASES } from "./answers.ts"
import { BILL_CASES } from "./bill.ts"
import { CHARGE_CASES } from "./charge.ts"
import { EGRESS_CASES } from "./egress.ts"
import { ISOLATION_CASES } from "./isolation.ts"
import type { KitCase } from "./kit.ts"
import { MONEY_CASES } from "./money.ts"
import { NOTICE_RECEIVER_CASES } from "./notice-receivers.ts"
import { NOTICE_CASES } from "./notices.ts"
import { PAYER_CASES } from "./payer.ts"
import { PROVIDER_CASES } from "./provider.ts"
import { REFUND_CASES } from "./refunds.ts"
import { SECRET_CASES } from "./secrets.ts"
import { STATE_CASES } from "./states.ts"

/** All cases, from the provider's description of itself to the secrets that it must not show. */
export const KIT_CASES: ReadonlyArray<KitCase> = [
  ...PROVIDER_CASES,
  ...ACCOUNT_CASES,
  ...EGRESS_CASES,
  ...CHARGE_CASES,
  ...MONEY_CASES,
  ...STATE_CASES,
  ...ANSWER_CASES,
  ...NOTICE_CASES,
  ...NOTICE_RECEIVER_CASES,
  ...REFUND_CASES,
  ...PAYER_CASES,
  ...BILL_CASES,
  ...SECRET_CASES,
  ...ISOLATION_CASES
]
