import { rm } from "node:fs/promises"
import { filledOrderNo, fillOrders } from "./fill.ts"
import { runLoad } from "./load.ts"
import { type Measure, measure, median } from "./measure.ts"
import { REFERENCES, type Reference, referenceTool, runReference } from "./references.ts"
import { type RequestFile, writeCreates, writeQueries, writeSame } from "./requests.ts"
import { type BenchDatabase, type GatewayChoice, type Rig, type RunningGateway, startProgram } from "./rig.ts"

export type Subject =
  | {
      readonly kind: "gateway"
      readonly runtime: string
      readonly store: string
      readonly workers: number
      /** Whether it runs the other checkout, to compare with. */
      readonly base: boolean
    }
  | { readonly kind: "reference"; readonly tool: string }

export type Operation = "create" | "query" | Reference | "json"

/** The figures of all rounds at one number of connections. */
export interface Result {
  readonly subject: Subject
  readonly operation: Operation
  readonly connections: number
  /** Medians of the rounds. */
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Microseconds of the serving process's CPU per request. */
  readonly cpuMicros: number | undefined
  /** Medians of each round's ratio to each reference: the figures that compare across machines. */
  readonly ratios: Readonly<Record<string, number>>
  readonly rounds: ReadonlyArray<Measure>
}

export interface ThroughputOptions {
  readonly gateways: ReadonlyArray<GatewayChoice>
  readonly connections: ReadonlyArray<number>
  readonly seconds: number
  readonly rounds: number
  readonly say: (line: string) => void
}

/** Orders that exist before the run, for queries to find. */
const ORDERS_BEFORE = 10_000

/** Requests written per second of a first run: more than any gateway answers. Later runs know the speed. */
const FIRST_GUESS_PER_SECOND = { create: 9_000, query: 16_000 }
const GUESS_MARGIN = 1.6

const WARM_SECONDS = 2

export const runThroughput = async (rig: Rig, options: ThroughputOptions): Promise<ReadonlyArray<Result>> => {
  const database = await rig.newDatabase()
  const baseDatabase = options.gateways.some(({ checkout }) => checkout !== undefined)
    ? await rig.newDatabase()
    : database
  const gateways: Array<RunningGateway> = []
  for (const choice of options.gateways) {
    gateways.push(await (choice.checkout === undefined ? database : baseDatabase).start(choice))
  }
  for (const one of new Set([database, baseDatabase])) await fillOrders(one, 0, ORDERS_BEFORE, () => {})
  const bare = await startProgram("elysia.ts")
  try {
    const contestants = [
      ...REFERENCES.map((reference) => referenceContestant(database, reference)),
      await bareContestant(database, bare),
      ...gateways.flatMap((running) => {
        const its = running.checkout === undefined ? database : baseDatabase
        return (["create", "query"] as const).map((operation) => gatewayContestant(its, running, operation))
      })
    ]
    options.say(`warming up ${contestants.length} contestants, ${WARM_SECONDS} s each`)
    for (const contestant of contestants) await contestant.run(32, WARM_SECONDS)

    const results: Array<Result> = []
    for (const connections of options.connections) {
      const measures = contestants.map((): Array<Measure> => [])
      for (let round = 0; round < options.rounds; round++) {
        // Forwards and backwards, so that a drift of the machine favours nobody.
        const order = [...contestants.keys()]
        for (const index of round % 2 === 0 ? order : order.reverse()) {
          const contestant = contestants[index]
          const measured = await contestant?.run(connections, options.seconds)
          if (measured !== undefined) measures[index]?.push(measured)
          if (measured !== undefined && contestant !== undefined)
            options.say(progressLine(contestant, connections, round, measured))
        }
      }
      results.push(...resultsOf(contestants, connections, measures))
    }
    return results
  } finally {
    await bare.stop()
  }
}

interface Contestant {
  readonly subject: Subject
  readonly operation: Operation
  readonly run: (connections: number, seconds: number) => Promise<Measure>
}

const referenceContestant = (database: BenchDatabase, operation: Reference): Contestant => ({
  subject: { kind: "reference", tool: referenceTool() },
  operation,
  run: (connections, seconds) =>
    measure(database.rig, undefined, () => runReference(database, operation, connections, seconds))
})

const bareContestant = async (
  database: BenchDatabase,
  { url, pid }: { readonly url: string; readonly pid: number }
): Promise<Contestant> => {
  // A body as long as a signed query's.
  const text = JSON.stringify({
    app_id: database.merchant().app_id,
    nonce: "0".repeat(16),
    order_no: filledOrderNo(0),
    sign: "0".repeat(64),
    timestamp: 1_773_532_800
  })
  const file = await writeSame(database.rig.folder, text)
  return {
    subject: { kind: "reference", tool: "bare Elysia" },
    operation: "json",
    run: (connections, seconds) =>
      measure(database.rig, pid, () => runLoad({ url, connections, seconds, file: file.path, again: true }))
  }
}

const gatewayContestant = (
  database: BenchDatabase,
  running: RunningGateway,
  operation: "create" | "query"
): Contestant => {
  const { gateway, runtime, store, workers, checkout } = running
  const guesses = new Map<number, number>()
  return {
    subject: { kind: "gateway", runtime, store, workers, base: checkout !== undefined },
    operation,
    run: async (connections, seconds) => {
      const perSecond = guesses.get(connections) ?? FIRST_GUESS_PER_SECOND[operation]
      const file = await writeFor(database, operation, Math.ceil(perSecond * seconds * GUESS_MARGIN))
      const url = `${gateway.url}/api/cashier/${operation === "create" ? "qrcode-pay" : "order-query"}`
      const measured = await measure(database.rig, gateway.pid, () =>
        runLoad({ url, connections, seconds, file: file.path, again: false })
      )
      await rm(file.path)
      mustBeAnswered(measured)
      if (operation === "create") await mustBeStored(database, file, measured)
      guesses.set(connections, measured.perSecond)
      return measured
    }
  }
}

const writeFor = (database: BenchDatabase, operation: "create" | "query", count: number): Promise<RequestFile> =>
  operation === "create"
    ? writeCreates(database.rig.folder, database.merchant(), count)
    : writeQueries(database.rig.folder, database.merchant(), count, () =>
        filledOrderNo(Math.floor(Math.random() * ORDERS_BEFORE))
      )

const mustBeAnswered = ({ refused, broken }: Measure): void => {
  if (refused > 0 || broken > 0) throw new Error(`${refused} requests were refused and ${broken} broken: no measure`)
}

/** Checks that every fast answer is a stored order. */
const mustBeStored = async (database: BenchDatabase, { prefix }: RequestFile, { requests }: Measure): Promise<void> => {
  const [row] = await database.sql<Array<{ count: number }>>`
    select count(*)::int as count from orders
    where merchant_id = ${database.merchantId()} and merchant_order_no like ${`${prefix}-%`}`
  const stored = row?.count ?? 0
  if (stored < requests) throw new Error(`${requests} orders were answered and ${stored} stored`)
}

const resultsOf = (
  contestants: ReadonlyArray<Contestant>,
  connections: number,
  measures: ReadonlyArray<ReadonlyArray<Measure>>
): ReadonlyArray<Result> =>
  contestants.map(({ subject, operation }, index) => {
    const rounds = measures[index] ?? []
    const ratios: Record<string, number> = {}
    for (const [other, { subject: against, operation: theirs }] of contestants.entries()) {
      const name = ratioName(subject, operation, against, theirs)
      if (name === undefined) continue
      ratios[name] = median(
        rounds.map(({ perSecond }, round) => perSecond / (measures[other]?.[round]?.perSecond ?? Number.NaN))
      )
    }
    return {
      subject,
      operation,
      connections,
      perSecond: median(rounds.map(({ perSecond }) => perSecond)),
      p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
      cpuMicros: cpuMicrosOf(rounds),
      ratios,
      rounds
    }
  })

const cpuMicrosOf = (rounds: ReadonlyArray<Measure>): number | undefined => {
  const each = rounds.flatMap(({ cpu, requests }) =>
    cpu.gateway === undefined ? [] : [(cpu.gateway / requests) * 1e6]
  )
  return each.length === 0 ? undefined : median(each)
}

/** What a gateway is compared with: the references of its kind, and its own base. */
const ratioName = (subject: Subject, operation: Operation, against: Subject, theirs: Operation): string | undefined => {
  if (subject.kind === "reference") return undefined
  if (against.kind === "reference") {
    return (operation === "query") === (theirs === "json") ? `${against.tool} ${theirs}` : undefined
  }
  const isBase =
    against.base &&
    !subject.base &&
    against.runtime === subject.runtime &&
    against.store === subject.store &&
    against.workers === subject.workers
  return isBase && operation === theirs ? "base" : undefined
}

export const nameOf = (subject: Subject): string =>
  subject.kind === "reference"
    ? subject.tool
    : `${subject.base ? "base" : "PayHub"} ${subject.runtime} ${subject.store}${subject.workers === 1 ? "" : ` ×${subject.workers}`}`

const progressLine = ({ subject, operation }: Contestant, connections: number, round: number, measured: Measure) =>
  `c=${connections} round ${round + 1}  ${nameOf(subject)} ${operation}: ${Math.round(measured.perSecond)}/s`
