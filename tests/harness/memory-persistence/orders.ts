import { Effect } from "effect"
import { DuplicateOrder } from "../../../core/domain/errors.ts"
import type { Order } from "../../../core/domain/order.ts"
import { CHARGE_LEASE_MS } from "../../../core/pipeline/persistence/charges.ts"
import type { NewOrder, OrderSummary, Orders } from "../../../core/pipeline/persistence/orders.ts"
import { type MemoryStore, refused } from "./store.ts"
import { isCharging, type OrderRow, orderKey } from "./tables.ts"

/** Orders in memory: core/pipeline/persistence/orders.ts says what each method promises. */
export const makeOrders = ({ tables, nowMs, act, tell }: MemoryStore): Orders["Service"] => {
  const { orders } = tables
  const rows = () => [...orders.values()]
  const first = (isIt: (order: Order) => boolean): Order | null =>
    rows().find(({ order }) => isIt(order))?.order ?? null
  const byMerchantOrderNo = (merchantId: number, merchantOrderNo: string) =>
    first((order) => order.merchantId === merchantId && order.merchantOrderNo === merchantOrderNo)

  return {
    known: (merchantId, merchantOrderNo) =>
      act("orders.known", () => byMerchantOrderNo(merchantId, merchantOrderNo) !== null),

    create: (order) => {
      if (order.amountFen <= 0) return refused
      const stored = act("orders.create", () => {
        if (byMerchantOrderNo(order.merchantId, order.merchantOrderNo) !== null) return "duplicate"
        if (orders.has(orderKey(order))) return "order-no-taken"
        orders.set(orderKey(order), rowOf(order, nowMs()))
        return "created"
      })
      return Effect.flatMap(stored, (answer) =>
        answer === "duplicate" ? Effect.fail(new DuplicateOrder()) : Effect.succeed(answer)
      )
    },

    end: (key, status, reason) =>
      act("orders.end", () => {
        const row = orders.get(orderKey(key))
        if (row?.order.status !== "PENDING" || row.order.accountId !== key.accountId) return false
        orders.set(orderKey(key), { ...row, nextCheckMs: null, order: { ...row.order, status } })
        tell(key, status === "FAILED" ? "failed" : "closed", { reason })
        return true
      }),

    summary: (key) => act("orders.summary", () => summaryOf(orders.get(orderKey(key))?.order ?? null)),

    summaryByMerchantOrderNo: (merchantId, merchantOrderNo) =>
      act("orders.summaryByMerchantOrderNo", () => summaryOf(byMerchantOrderNo(merchantId, merchantOrderNo))),

    find: (key) => act("orders.find", () => orders.get(orderKey(key))?.order ?? null),

    findByOrderNo: (orderNo) => act("orders.findByOrderNo", () => first((order) => order.orderNo === orderNo)),

    findByTokenHash: (tokenHash) =>
      act("orders.findByTokenHash", () => first((order) => order.jsapi?.tokenHash === tokenHash)),

    list: (filter) =>
      act("orders.list", () =>
        rows()
          .map(({ order }) => order)
          .filter(
            (order) =>
              (filter.merchantId === undefined || order.merchantId === filter.merchantId) &&
              (filter.status === undefined || order.status === filter.status) &&
              (filter.since === undefined || order.createdAt >= filter.since) &&
              (filter.flagged === undefined || order.flags.length > 0 === filter.flagged)
          )
          .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.orderNo < b.orderNo ? 1 : -1))
          .slice(0, filter.limit)
      ),

    leaseChecks: ({ limit, perAccount, underWay, leaseMs }) =>
      act("orders.leaseChecks", () => {
        const now = nowMs()
        const held = new Map(underWay)
        const due = rows()
          .filter((row) => row.order.status === "PENDING" && dueAt(row) <= now && !isCharging(tables, row, now))
          .sort((a, b) => dueAt(a) - dueAt(b))
          .map((row) => {
            const turn = (held.get(row.order.accountId) ?? 0) + 1
            held.set(row.order.accountId, turn)
            return { row, turn }
          })
          .filter(({ turn }) => turn <= perAccount)
          .sort((a, b) => a.turn - b.turn)
          .slice(0, limit)
          .map(({ row }) => row)
        for (const row of due) orders.set(orderKey(row.order), { ...row, nextCheckMs: now + leaseMs })
        return due.map(({ order }) => order)
      }),

    scheduleCheck: (key, afterMs) =>
      act("orders.scheduleCheck", () => {
        const row = orders.get(orderKey(key))
        if (row?.order.status !== "PENDING") return
        orders.set(orderKey(key), { ...row, nextCheckMs: afterMs === null ? null : nowMs() + afterMs })
      })
  }
}

const dueAt = ({ nextCheckMs }: OrderRow): number => nextCheckMs ?? Number.POSITIVE_INFINITY

const rowOf = ({ nextCheckAt, charging, ...order }: NewOrder, nowMs: number): OrderRow => ({
  order: {
    ...order,
    status: "PENDING",
    presentation: null,
    paidAt: null,
    feeFen: null,
    actualFen: null,
    channelTradeNo: null,
    flags: []
  },
  nextCheckMs: nextCheckAt.getTime(),
  attempts: charging ? 1 : 0,
  chargingUntilMs: charging ? nowMs + CHARGE_LEASE_MS : null
})

const summaryOf = (order: Order | null): OrderSummary | null =>
  order === null
    ? null
    : {
        orderNo: order.orderNo,
        merchantOrderNo: order.merchantOrderNo,
        channelCode: order.channelCode,
        status: order.status,
        amountFen: order.amountFen,
        actualFen: order.actualFen,
        feeFen: order.feeFen,
        createdAt: order.createdAt,
        paidAt: order.paidAt
      }
