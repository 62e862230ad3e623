import { rm } from "node:fs/promises"
import { runLoad } from "./load.ts"
import { type Measure, measure, median } from "./measure.ts"
import { startReceivers, webhooksDrained } from "./receivers.ts"
import { type RequestFile, writeCreates, writeNotices, writeQueries } from "./requests.ts"
import type { Rig } from "./rig.ts"
import { numberText, tableText } from "./table.ts"

export interface SoakOptions {
  readonly minutes: number
  readonly say: (line: string) => void
  readonly print: (text: string) => void
}

const CONNECTIONS = 32
/** A slice creates orders, settles them (their webhooks are pushed) and queries them. */
const SECONDS = { create: 4, settle: 4, query: 4 }
const PER_SECOND_MAX = { create: 12_000, query: 20_000 }

/**
 * Memory and latency over time, under full load. Nonces are in Redis, which forgets them by itself: in the process they
 * grow for ten minutes, 32 bytes each, and hide a leak or look like one. The gateway's background work runs by its
 * defaults.
 */
export const runSoak = async (rig: Rig, { minutes, say, print }: SoakOptions): Promise<unknown> => {
  const receivers = await startReceivers(4, 0)
  try {
    const database = await rig.newDatabase()
    const { gateway } = await database.start({
      runtime: "bun",
      store: rig.redis === undefined ? "memory" : "redis",
      env: { PAYHUB_REDIS_DOWN: "refuse", PAYHUB_RECONCILE_SCHEDULE: "" }
    })
    const slices: Array<{
      readonly minute: number
      readonly memoryMb: number
      readonly create: Measure
      readonly query: Measure
    }> = []
    const under = async (path: string, seconds: number, file: RequestFile): Promise<Measure> => {
      const measured = await measure(rig, gateway.pid, () =>
        runLoad({ url: gateway.url + path, connections: CONNECTIONS, seconds, file: file.path, again: false })
      )
      await rm(file.path)
      if (measured.refused + measured.broken > 0)
        throw new Error(`${measured.refused + measured.broken} requests failed`)
      return measured
    }
    const startedMs = performance.now()
    const minute = () => (performance.now() - startedMs) / 60_000
    while (minute() < minutes) {
      const creates = await writeCreates(
        rig.folder,
        database.merchant(),
        PER_SECOND_MAX.create * SECONDS.create,
        (index) => receivers.urls[index % receivers.urls.length] ?? ""
      )
      const create = await under("/api/cashier/qrcode-pay", SECONDS.create, creates)
      const made = await database.sql<Array<{ order_no: string }>>`
        select order_no from orders where merchant_order_no like ${`${creates.prefix}-%`}`
      const orderNo = (index: number) => made[index % made.length]?.order_no ?? ""
      const notices = await writeNotices(rig.folder, database.account().key, made.length, orderNo)
      await under(`/api/notice/${database.account().id}`, SECONDS.settle, notices)
      const queries = await writeQueries(rig.folder, database.merchant(), PER_SECOND_MAX.query * SECONDS.query, orderNo)
      const query = await under("/api/cashier/order-query", SECONDS.query, queries)
      await webhooksDrained(database)
      await receivers.forget()
      slices.push({ minute: minute(), memoryMb: query.memory.gateway ?? Number.NaN, create, query })
      say(
        `minute ${minute().toFixed(1)}: ${numberText(query.memory.gateway)} MB, create p99 ${create.p99Ms.toFixed(1)} ms`
      )
    }
    // Memory goes up and down with the garbage collector, so medians of quarters are compared, not two moments.
    const quarter = Math.max(1, Math.floor(slices.length / 4))
    const memoryOf = (from: number, to: number) => median(slices.slice(from, to).map(({ memoryMb }) => memoryMb))
    const [after, end] = [memoryOf(quarter, 2 * quarter), memoryOf(slices.length - quarter, slices.length)]
    const growthPercent = (end / after - 1) * 100
    print(
      tableText(
        ["minute", "MB", "orders/s", "create p50 ms", "p99 ms", "queries/s", "query p50 ms", "p99 ms"],
        slices
          .filter(
            (_, index) => index % Math.max(1, Math.floor(slices.length / 20)) === 0 || index === slices.length - 1
          )
          .map(({ minute, memoryMb, create, query }) => [
            numberText(minute, 1),
            numberText(memoryMb),
            numberText(create.perSecond),
            numberText(create.p50Ms, 2),
            numberText(create.p99Ms, 2),
            numberText(query.perSecond),
            numberText(query.p50Ms, 2),
            numberText(query.p99Ms, 2)
          ])
      )
    )
    print(`\nmemory from the second quarter to the last: ${growthPercent >= 0 ? "+" : ""}${growthPercent.toFixed(1)} %`)
    return { growthPercent, slices }
  } finally {
    await receivers.stop()
  }
}
