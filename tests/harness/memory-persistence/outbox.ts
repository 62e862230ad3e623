import type { LeasedWebhook, Outbox } from "../../../core/pipeline/persistence/outbox.ts"
import type { MemoryStore } from "./store.ts"
import { keyText, type OutboxEntry, ofOrder } from "./tables.ts"

/** The outbox in memory: core/pipeline/persistence/outbox.ts says what each method promises. */
export const makeOutbox = ({ tables, nowMs, act, tell, emit }: MemoryStore): Outbox["Service"] => {
  const { outbox, attempts } = tables
  const set = (entry: OutboxEntry) => outbox.set(keyText(entry.merchantId, entry.eventId), entry)

  return {
    lease: ({ limit, perHost, busyHosts, perMerchant, underWay, leaseMs }) =>
      act("outbox.lease", () => {
        const now = nowMs()
        /** Numbers the entries of each key from 1, after what the key holds already. */
        const numbered = <Key>(keyOf: (entry: OutboxEntry) => Key, held: Iterable<readonly [Key, number]> = []) => {
          const counts = new Map(held)
          return (entry: OutboxEntry): number => {
            const number = (counts.get(keyOf(entry)) ?? 0) + 1
            counts.set(keyOf(entry), number)
            return number
          }
        }
        const ofReceiver = numbered(({ merchantId, host }) => keyText(merchantId, host))
        const turnOf = numbered(({ merchantId }) => merchantId, underWay)
        const ofHost = numbered(({ host }) => host)
        const turns = [...outbox.values()]
          .filter(({ state, takeMs, host }) => state === "due" && takeMs <= now && !busyHosts.includes(host))
          .sort((a, b) => a.takeMs - b.takeMs)
          .map((entry) => ({ entry, place: ofReceiver(entry) }))
          .sort((a, b) => a.place - b.place)
          .map(({ entry }) => ({ entry, turn: turnOf(entry) }))
          .filter(({ turn }) => turn <= perMerchant)
          .sort((a, b) => a.turn - b.turn)
          .filter(({ entry }) => ofHost(entry) <= perHost)
          .slice(0, limit)
        const chosen = new Set(turns.map(({ entry }) => entry))
        const taken = [...outbox.values()].filter((entry) => chosen.has(entry))
        for (const entry of taken) set({ ...entry, round: Math.max(entry.round, 0), takeMs: now + leaseMs })
        return taken.sort((a, b) => a.dueMs - b.dueMs).map(leasedOf)
      }),

    record: (attempt) =>
      act("outbox.record", () => {
        const { merchantId, eventId, next } = attempt
        const key = keyText(merchantId, eventId, attempt.attempt)
        if (!attempts.has(key)) attempts.set(key, { ...attempt, durationMs: Math.round(attempt.durationMs) })
        const entry = outbox.get(keyText(merchantId, eventId))
        if (entry === undefined) return
        const isDelivery = next.kind === "delivered"
        const isNews = entry.state === "due" && entry.attempts < attempt.attempt
        if (!(isDelivery && entry.state !== "delivered") && !isNews) return
        const counted = { ...entry, attempts: Math.max(entry.attempts, attempt.attempt) }
        if (entry.round !== attempt.round) {
          // Resent while it was being pushed: the new round begins now, unless this push was its delivery.
          set({ ...counted, state: isDelivery ? "delivered" : entry.state, takeMs: nowMs() })
          return
        }
        const dueMs = next.kind === "again" ? nowMs() + next.afterMs : entry.dueMs
        const state = next.kind === "again" ? "due" : next.kind
        set({ ...counted, state, round: entry.round + 1, dueMs, takeMs: dueMs })
      }),

    resend: (key) =>
      act("outbox.resend", () => {
        const now = nowMs()
        const entries = [...outbox.values()].filter(ofOrder(key))
        for (const entry of entries) {
          // One that is being pushed keeps its lease, and its round becomes one that no sender holds.
          const isPushing = entry.state === "due" && entry.takeMs > entry.dueMs && entry.takeMs > now
          const then = isPushing ? { round: -1, takeMs: entry.takeMs } : { round: 0, takeMs: now }
          set({ ...entry, state: "due", dueMs: now, ...then })
          tell(key, "webhook.resent", {})
        }
        if (entries.length > 0) emit({ kind: "webhook-due" })
        return entries.length > 0
      }),

    list: ({ state, orderNo, limit }) =>
      act("outbox.list", () =>
        [...outbox.values()]
          .filter((entry) => (state ?? entry.state) === entry.state && (orderNo ?? entry.orderNo) === entry.orderNo)
          .reverse()
          .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
          .slice(0, limit)
          .map((entry) => ({
            ...leasedOf(entry),
            state: entry.state,
            dueAt: new Date(entry.dueMs),
            history: [...attempts.values()]
              .filter(({ merchantId, eventId }) => merchantId === entry.merchantId && eventId === entry.eventId)
              .sort((a, b) => a.attempt - b.attempt)
              .map(({ attempt, at, durationMs, status, detail }) => ({ attempt, at, durationMs, status, detail }))
          }))
      )
  }
}

const leasedOf = ({
  merchantId,
  eventId,
  orderNo,
  url,
  body,
  attempts,
  round,
  createdAt
}: OutboxEntry): LeasedWebhook => ({
  merchantId,
  eventId,
  orderNo,
  url,
  body,
  attempts,
  round: Math.max(round, 0),
  createdAt
})
