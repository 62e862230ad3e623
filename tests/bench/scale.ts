import { rm } from "node:fs/promises"
import { filledOrderNo, fillOrders, pendingOrders } from "./fill.ts"
import { runLoad } from "./load.ts"
import { type Measure, measure, median } from "./measure.ts"
import { type Receivers, startReceivers, webhooksDrained } from "./receivers.ts"
import { type RequestFile, writeCreates, writeNotices, writeQueries } from "./requests.ts"
import type { Place, Rig, RunningGateway } from "./rig.ts"
import { numberText, progressBar, tableText } from "./table.ts"

export interface ScaleOptions {
  readonly sizes: ReadonlyArray<number>
  readonly say: (line: string) => void
  readonly print: (text: string) => void
}

const CONNECTIONS = 64
const SECONDS = 5
const ROUNDS = 4
const PER_SECOND_MAX = { create: 16_000, query: 26_000 }
/** What a shop with one order a second asks about. */
const DAY_OF_ORDERS = 86_400

const OPERATIONS = ["query a day's", "query any", "create", "settle"] as const
type Operation = (typeof OPERATIONS)[number]

/** One size's database with a gateway of its own, so that sizes can take turns. */
interface Stage {
  readonly size: number
  readonly place: Place
  readonly running: RunningGateway
  readonly measures: { readonly [O in Operation]: Array<Measure> }
}

/**
 * Does a full table make the gateway slow? A database for each size, filled by COPY; then creating, asking and settling,
 * size by size in turns. A settled order's webhook is pushed too, to a receiver that answers at once.
 */
export const runScale = async (rig: Rig, { sizes, say, print }: ScaleOptions): Promise<unknown> => {
  const receivers = await startReceivers(1, 0)
  try {
    const stages: Array<Stage> = []
    for (const size of sizes) stages.push(await fillStage(rig, size, receivers))
    for (const stage of stages) {
      for (const operation of ["create", "query any"] as const) await run(stage, operation, 0)
    }
    for (const { measures } of stages) for (const operation of OPERATIONS) measures[operation].length = 0
    for (const operation of OPERATIONS) {
      // What was written before is not to be written out in the time of what is measured now.
      await stages[0]?.place.sql.unsafe("checkpoint")
      for (let round = 0; round < ROUNDS; round++) {
        for (const stage of round % 2 === 0 ? stages : [...stages].reverse()) {
          const { perSecond } = await run(stage, operation, round)
          say(`${numberText(stage.size)} orders, round ${round + 1}: ${operation} ${Math.round(perSecond)}/s`)
        }
      }
    }
    const results = stages.flatMap((stage) => OPERATIONS.map((operation) => resultOf(stage, operation, stages[0])))
    print(
      tableText(
        ["orders", "does", "per second", "p50 ms", "p99 ms", `× at ${numberText(sizes[0])}`],
        results.map((result) => [
          numberText(result.size),
          result.operation,
          numberText(result.perSecond),
          numberText(result.p50Ms, 2),
          numberText(result.p99Ms, 2),
          numberText(result.ratio, 2)
        ])
      )
    )
    return results
  } finally {
    await receivers.stop()
  }
}

const fillStage = async (rig: Rig, size: number, receivers: Receivers): Promise<Stage> => {
  const place = await rig.place()
  const running = await place.start({ runtime: "bun", store: rig.redis === undefined ? "memory" : "redis" })
  await fillOrders(place, 0, size, progressBar(`filling ${numberText(size)} orders`, size), receivers.urls[0])
  return { size, place, running, measures: { "query a day's": [], "query any": [], create: [], settle: [] } }
}

const run = async (stage: Stage, operation: Operation, round: number): Promise<Measure> => {
  const { place, running } = stage
  const file = await fileFor(stage, operation, round)
  const path =
    operation === "create"
      ? "/api/cashier/qrcode-pay"
      : operation === "settle"
        ? `/api/notice/${place.account().id}`
        : "/api/cashier/order-query"
  const measured = await measure(place.rig, running.gateway.pid, () =>
    runLoad({
      url: running.gateway.url + path,
      connections: CONNECTIONS,
      seconds: SECONDS,
      file: file.path,
      again: false
    })
  )
  await rm(file.path)
  if (measured.refused + measured.broken > 0) throw new Error(`${measured.refused + measured.broken} requests failed`)
  stage.measures[operation].push(measured)
  if (operation === "settle") await webhooksDrained(place)
  return measured
}

/** Asked about are PAID orders, whatever the size: their answers are the longest. Each PENDING one is paid once. */
const fileFor = ({ place, size }: Stage, operation: Operation, round: number): Promise<RequestFile> => {
  const { folder } = place.rig
  const paid = size - pendingOrders(size)
  const queries = (newest: number) =>
    writeQueries(folder, place.merchant(), PER_SECOND_MAX.query * SECONDS, () =>
      filledOrderNo(paid - 1 - Math.floor(Math.random() * newest))
    )
  switch (operation) {
    case "create":
      return writeCreates(folder, place.merchant(), PER_SECOND_MAX.create * SECONDS)
    case "query a day's":
      return queries(Math.min(DAY_OF_ORDERS, paid))
    case "query any":
      return queries(paid)
    case "settle": {
      const count = Math.floor(pendingOrders(size) / ROUNDS)
      const first = size - (round + 1) * count
      return writeNotices(folder, place.account().key, Math.min(count, 20_000), (index) => filledOrderNo(first + index))
    }
  }
}

const resultOf = (stage: Stage, operation: Operation, smallest: Stage | undefined) => {
  const rounds = stage.measures[operation]
  const base = smallest?.measures[operation] ?? []
  return {
    size: stage.size,
    operation,
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
    ratio: median(rounds.map(({ perSecond }, round) => perSecond / (base[round]?.perSecond ?? Number.NaN))),
    rounds
  }
}
