import { GATEWAY_ROWS } from "./gateway.ts"
import { ORDER_ROWS } from "./order.ts"
import { PAYER_ROWS } from "./payer.ts"
import { REQUEST_ROWS } from "./request.ts"
import type { Rows } from "./row.ts"

/**
 * Every error that can end a merchant's call, in the order of the contract's checks (sections 4 and 10): its status,
 * message, causes and remedies. A tag without a row does not compile.
 */
export const ROWS: Rows = { ...REQUEST_ROWS, ...ORDER_ROWS, ...PAYER_ROWS, ...GATEWAY_ROWS }
