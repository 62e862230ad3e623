/** Yinsheng's (YSEPay) gateway.do open platform: the wire, and what every product of it shares. */
export { accountFields, type YsepayAccount } from "./account-fields.ts"
export type { YsepaySession } from "./call.ts"
export { BANK_TYPES } from "./methods.ts"
export { orderKeyOf } from "./order-number.ts"
export { placeOrder } from "./place-order.ts"
export { egressOf, openSession } from "./session.ts"
export { tradeActs } from "./trade-acts.ts"
