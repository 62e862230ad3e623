import { until } from "../harness/until.ts"
import type { BenchDatabase } from "./rig.ts"
import { startProgram } from "./rig.ts"

/** Merchants' servers in a process of their own (receiver.ts). */
export interface Receivers {
  /** The answering ones first, then those that hang. */
  readonly urls: ReadonlyArray<string>
  readonly answering: number
  /** Unix milliseconds of the first arrival, by event id, since the last `forget`. */
  readonly arrivals: () => Promise<ReadonlyMap<string, number>>
  readonly forget: () => Promise<void>
  readonly stop: () => Promise<void>
}

export const startReceivers = async (count: number, hanging: number): Promise<Receivers> => {
  const program = await startProgram("receiver.ts", [String(count), String(hanging)])
  const ask = async (method: "GET" | "POST") =>
    (await (await fetch(program.url, { method })).json()) as {
      readonly ports: ReadonlyArray<number>
      readonly arrivals: ReadonlyArray<readonly [string, number]>
    }
  const { ports } = await ask("GET")
  return {
    urls: ports.map((port) => `http://127.0.0.1:${port}/webhook`),
    answering: count - hanging,
    arrivals: async () => new Map((await ask("GET")).arrivals),
    forget: async () => void (await ask("POST")),
    stop: program.stop
  }
}

const DRAIN_MS = 120_000

/** Waits until no webhook is due, so that the next measurement has the machine to itself. */
export const webhooksDrained = async ({ sql }: BenchDatabase, hosts?: ReadonlyArray<string>): Promise<void> => {
  let due: number | undefined
  await until(
    "the webhooks to be delivered",
    async () => {
      const [row] = await sql<Array<{ due: number }>>`
        select count(*)::int as due from outbox
        where state = 0 and (${hosts === undefined} or host = any(${[...(hosts ?? [])]}))`
      due = row?.due
      return due === 0
    },
    // Each look takes from the database what the gateway needs.
    { timeoutMs: DRAIN_MS, everyMs: 100, why: () => `(${due} are still due)` }
  )
}
