import { rm } from "node:fs/promises"
import { filledOrderNo, fillOrders, pendingOrders } from "./fill.ts"
import { runLoad } from "./load.ts"
import { type Measure, measure, median } from "./measure.ts"
import { type Receivers, startReceivers, webhooksDrained } from "./receivers.ts"
import { type RequestFile, writeCreates, writeNotices, writeQueries } from "./requests.ts"
import type { BenchDatabase, Rig, RunningGateway } from "./rig.ts"
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
/** The newest orders of a shop with one order a second: a day of them. */
const DAY_OF_ORDERS = 86_400

const OPERATIONS = ["query a day's", "query any", "create", "settle"] as const
type Operation = (typeof OPERATIONS)[number]

/** A database of one size and its gateway; sizes take turns. */
interface Stage {
  readonly size: number
  readonly database: BenchDatabase
  readonly running: RunningGateway
  readonly measures: { readonly [O in Operation]: Array<Measure> }
}

/**
 * Whether a full table makes the gateway slow: one database per size, filled by COPY, then creates, queries and notices,
 * the sizes taking turns. The webhooks of settled orders are pushed too, to a receiver that answers at once.
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
      // Earlier writes must not be flushed during the measurement.
      await stages[0]?.database.sql.unsafe("checkpoint")
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
  const database = await rig.newDatabase()
  const running = await database.start({ runtime: "bun", store: rig.redis === undefined ? "memory" : "redis" })
  await fillOrders(database, 0, size, progressBar(`filling ${numberText(size)} orders`, size), receivers.urls[0])
  return { size, database, running, measures: { "query a day's": [], "query any": [], create: [], settle: [] } }
}

const run = async (stage: Stage, operation: Operation, round: number): Promise<Measure> => {
  const { database, running } = stage
  const file = await fileFor(stage, operation, round)
  const path =
    operation === "create"
      ? "/api/cashier/qrcode-pay"
      : operation === "settle"
        ? `/api/notice/${database.account().id}`
        : "/api/cashier/order-query"
  const measured = await measure(database.rig, running.gateway.pid, () =>
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
  if (operation === "settle") await webhooksDrained(database)
  return measured
}

/** Queries ask for PAID orders at every size, because their answers are the longest. Each PENDING order is paid once. */
const fileFor = ({ database, size }: Stage, operation: Operation, round: number): Promise<RequestFile> => {
  const { folder } = database.rig
  const paid = size - pendingOrders(size)
  const queries = (newest: number) =>
    writeQueries(folder, database.merchant(), PER_SECOND_MAX.query * SECONDS, () =>
      filledOrderNo(paid - 1 - Math.floor(Math.random() * newest))
    )
  switch (operation) {
    case "create":
      return writeCreates(folder, database.merchant(), PER_SECOND_MAX.create * SECONDS)
    case "query a day's":
      return queries(Math.min(DAY_OF_ORDERS, paid))
    case "query any":
      return queries(paid)
    case "settle": {
      const count = Math.floor(pendingOrders(size) / ROUNDS)
      const first = size - (round + 1) * count
      return writeNotices(folder, database.account().key, Math.min(count, 20_000), (index) =>
        filledOrderNo(first + index)
      )
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
