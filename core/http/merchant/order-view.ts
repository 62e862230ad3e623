import type { Language } from "../../domain/language.ts"
import { yuanText } from "../../domain/money.ts"
import { ORDER_STATUS, type Order, STATUS_TEXT } from "../../domain/order.ts"

/** Amounts as yuan texts; `actual_amount` and `fee` are "0.00" until the order is paid. */
export const amountsOf = (order: Pick<Order, "amountFen" | "actualFen" | "feeFen">) => ({
  amount: yuanText(order.amountFen),
  actual_amount: yuanText(order.actualFen ?? 0),
  fee: yuanText(order.feeFen ?? 0)
})

/** A status by number, name and text (contract section 8). */
export const statusView = ({ status }: Pick<Order, "status">, language: Language) => ({
  status: ORDER_STATUS[status],
  status_name: status,
  status_text: STATUS_TEXT[status][language]
})
