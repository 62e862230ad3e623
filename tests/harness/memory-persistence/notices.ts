import type { KeptNotice, Notices } from "../../../core/pipeline/persistence/notices.ts"
import type { OrderKey } from "../../../core/pipeline/persistence/orders.ts"
import type { MemoryStore } from "./store.ts"
import { keyText, ofOrder, orderKey, type Tables } from "./tables.ts"

/** What providers said that settled nothing, in memory: core/pipeline/persistence/notices.ts says what is promised. */
export const makeNotices = ({ tables, act, tell }: MemoryStore): Notices["Service"] => ({
  flag: ({ order: key, anomaly, payment, source, notice }) =>
    act("notices.flag", () => {
      const row = tables.orders.get(orderKey(key))
      const { channelTradeNo, amountFen, currency } = payment
      const once = keyText(anomaly, amountFen, channelTradeNo)
      if (row === undefined || tables.events.some((event) => ofOrder(key)(event) && event.once === once)) return
      const paidAt = payment.paidAt.toISOString()
      tell(key, `flag.${anomaly}`, { channelTradeNo, amountFen, currency, paidAt, source }, once)
      keepNotice(tables, key, notice)
      const { flags } = row.order
      if (flags.includes(anomaly)) return
      tables.orders.set(orderKey(key), { ...row, order: { ...row.order, flags: [...flags, anomaly] } })
    }),

  keepStray: ({ accountId, receivedAt, body, orderNo, detail }) =>
    act("notices.keepStray", () => {
      // A provider's repetition may differ in its nonce and signature; what it says does not.
      const said = JSON.stringify(detail)
      const content = said === "null" || said === "{}" ? new TextDecoder("latin1").decode(body) : said
      const key = keyText(accountId, orderNo, content)
      if (!tables.strays.has(key)) tables.strays.set(key, { accountId, orderNo, receivedAt, detail })
    }),

  listStrays: (limit) =>
    act("notices.listStrays", () =>
      [...tables.strays.values()].sort((a, b) => b.receivedAt.getTime() - a.receivedAt.getTime()).slice(0, limit)
    )
})

/** Keeps the notice that a decision rests on, if there is one. */
export const keepNotice = (tables: Tables, { merchantId, orderNo }: OrderKey, notice: KeptNotice | null): void => {
  if (notice !== null) tables.notices.push({ merchantId, orderNo, notice })
}
