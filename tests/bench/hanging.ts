import { join, resolve } from "node:path"
import type { Runtime } from "../harness/gateway.ts"
import { type Loopback, startLoopback } from "../harness/loopback.ts"
import type { MerchantClient, Parameters } from "../harness/merchant-client.ts"
import { sendOrdersAtOnce } from "../harness/orders-at-once.ts"
import { addAccount, SCRIPTED_CHANNEL } from "../harness/scripted-provider.ts"
import { until } from "../harness/until.ts"
import { type Load, runLoad } from "./load.ts"
import { median } from "./measure.ts"
import { writeCreates } from "./requests.ts"
import type { BenchDatabase, Rig, RunningGateway } from "./rig.ts"
import { numberText, tableText } from "./table.ts"

export interface HangingOptions {
  readonly runtimes: ReadonlyArray<Runtime>
  /** Orders that are sent at once to what hangs. */
  readonly orders: number
  readonly rounds: number
  /** Of each measurement: fewer than a channel's deadline of 15 s, or nothing hangs any more. */
  readonly seconds: number
  readonly say: (line: string) => void
  readonly print: (text: string) => void
}

/** Connections of the merchant that is measured: it must not fill the machine by itself. */
const CONNECTIONS = 8

/** More than any gateway here stores in a second. */
const CREATES_PER_SECOND = 6_000

/** Orders of an amount that the sandbox never answers (channels/sandbox/faults.ts). */
const SANDBOX_HANGS = { amount: 888_803 }

/** An account, or the sandbox, that never answers, and the merchant who sends orders to it. */
interface Hanging {
  readonly name: string
  readonly merchant: MerchantClient
  readonly order: Parameters
}

interface Measured {
  readonly runtime: Runtime
  readonly name: string
  /** How many of the orders waited for their channel meanwhile, and how many were refused. */
  readonly waiting: number
  readonly refused: number
  readonly before: Load
  readonly during: Load
}

/**
 * What another merchant notices of its creates' time while 2,000 orders of one merchant hang at the sandbox, or at a live
 * account. Each round measures before and meanwhile, in the same gateway, so that the ratio is of one moment.
 */
export const runHanging = async (rig: Rig, options: HangingOptions): Promise<unknown> => {
  const { runtimes, rounds, say, print } = options
  const silent = await startLoopback()
  const measured: Array<Measured> = []
  try {
    for (const runtime of runtimes) {
      const database = await rig.newDatabase()
      const channels = [join(resolve(import.meta.dirname), "channel"), SCRIPTED_CHANNEL].join(",")
      const running = await database.start({ runtime, store: "memory", env: { PAYHUB_CHANNELS: channels } })
      const places = await hangingPlaces(running, database, silent)
      await creates(database, running, 2)
      for (let round = 0; round < rounds; round++) {
        for (const place of round % 2 === 0 ? places : places.toReversed()) {
          say(`round ${round + 1}  ${runtime}: ${options.orders} orders hang at ${place.name}`)
          measured.push({ runtime, ...(await measure(database, running, place, options)) })
        }
      }
    }
  } finally {
    await silent.close()
  }
  print(tableOf(measured))
  return measured
}

const hangingPlaces = async (
  { gateway }: RunningGateway,
  database: BenchDatabase,
  silent: Loopback
): Promise<ReadonlyArray<Hanging>> => {
  const account = await addAccount(gateway, "scripted", { origin: silent.url, key: "k".repeat(32) }, 60)
  // The merchant that is measured keeps to its own account, or the new one would be its second.
  await gateway.command(["merchant", "update", database.merchant().app_id, "--account", database.account().id])
  return [
    { name: "the sandbox", merchant: await gateway.merchant(), order: SANDBOX_HANGS },
    { name: "a live account", merchant: await gateway.merchant({ test: false, accounts: [account] }), order: {} }
  ]
}

const measure = async (
  database: BenchDatabase,
  running: RunningGateway,
  { name, merchant, order }: Hanging,
  { orders, seconds }: HangingOptions
): Promise<Omit<Measured, "runtime">> => {
  const before = await creates(database, running, seconds)
  const sent = await sendOrdersAtOnce(running.gateway.url, merchant, orders, order)
  // Whatever is refused is refused at once: the rest waits for its channel when the numbers no longer change.
  let known = -1
  await until(
    "the orders to hang",
    () => {
      const same = sent.waiting() === known
      known = sent.waiting()
      return same
    },
    { everyMs: 500, timeoutMs: 60_000 }
  )
  const waiting = sent.waiting()
  const during = await creates(database, running, seconds)
  const refused = sent.answered(503).length
  if (sent.waiting() < waiting)
    throw new Error("orders were answered while they should have hung: measure for less long")
  await until("the orders to end", () => sent.waiting() === 0, { timeoutMs: 60_000, everyMs: 200 })
  sent.hangUp()
  return { name, waiting, refused, before, during }
}

const creates = async ({ rig, merchant }: BenchDatabase, { gateway }: RunningGateway, seconds: number) => {
  const file = await writeCreates(rig.folder, merchant(), CREATES_PER_SECOND * seconds)
  const url = `${gateway.url}/api/cashier/qrcode-pay`
  const load = await runLoad({ url, connections: CONNECTIONS, seconds, file: file.path, again: false })
  if (load.refused + load.broken > 0) throw new Error(`${load.refused} refused, ${load.broken} broken`)
  return load
}

const tableOf = (measured: ReadonlyArray<Measured>): string => {
  const head = [
    "runtime",
    "hangs",
    "waiting",
    "refused",
    "p50 before",
    "meanwhile",
    "×",
    "p99 before",
    "meanwhile",
    "×"
  ]
  const kinds = [...new Set(measured.map(({ runtime, name }) => `${runtime}|${name}`))]
  const rows = kinds.map((kind) => {
    const rounds = measured.filter(({ runtime, name }) => `${runtime}|${name}` === kind)
    const middle = (of: (one: Measured) => number) => median(rounds.map(of))
    const times = (of: (load: Load) => number) => [
      numberText(
        middle(({ before }) => of(before)),
        2
      ),
      numberText(
        middle(({ during }) => of(during)),
        2
      ),
      numberText(
        middle(({ before, during }) => of(during) / of(before)),
        2
      )
    ]
    return [
      ...kind.split("|"),
      numberText(middle(({ waiting }) => waiting)),
      numberText(middle(({ refused }) => refused)),
      ...times(({ p50Ms }) => p50Ms),
      ...times(({ p99Ms }) => p99Ms)
    ]
  })
  return tableText(head, rows)
}
