import type { Timeline, TimelineEntry } from "../../../core/pipeline/persistence/timeline.ts"
import type { MemoryStore } from "./store.ts"
import { ofOrder, orderKey } from "./tables.ts"

/** As much of a notice as a person reads. */
const NOTICE_CHARACTERS_MAX = 2_000

/** Orders' stories from the tables that tell them, oldest first. */
export const makeTimeline = ({ tables, act }: MemoryStore): Timeline["Service"] => ({
  of: (key) =>
    act("timeline.of", () => {
      const mine = ofOrder(key)
      const created = tables.orders.get(orderKey(key))?.order
      const story: Array<TimelineEntry> = []
      if (created !== undefined) {
        const { merchantOrderNo, amountFen, channelCode, expiresAt } = created
        const detail = { merchantOrderNo, amountFen, channelCode, expiresAt: expiresAt.toISOString() }
        story.push({ at: created.createdAt, kind: "created", detail })
      }
      const charges = [...tables.charges.values()].filter(mine).sort((a, b) => a.attempt - b.attempt)
      for (const { at, outcome, attempt, provider, accountId, durationMs, detail } of charges) {
        story.push({ at, kind: `charge.${outcome}`, detail: { attempt, provider, accountId, durationMs, detail } })
      }
      for (const { notice } of tables.notices.filter(mine)) {
        const body = new TextDecoder().decode(notice.body).slice(0, NOTICE_CHARACTERS_MAX)
        story.push({ at: notice.receivedAt, kind: "notice", detail: { accountId: notice.accountId, body } })
      }
      for (const { at, kind, detail } of tables.events.filter(mine)) story.push({ at, kind, detail })
      const attempts = [...tables.attempts.values()].filter(mine).sort((a, b) => a.attempt - b.attempt)
      for (const { at, attempt, status, durationMs, detail } of attempts) {
        story.push({ at, kind: "webhook.attempt", detail: { attempt, status, durationMs, detail } })
      }
      // Sorting is stable: of what bears the same time, what came first by nature stays first.
      return story.sort((a, b) => a.at.getTime() - b.at.getTime())
    })
})
