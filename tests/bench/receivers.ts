import { setTimeout as sleep } from "node:timers/promises"
import type { Place } from "./rig.ts"
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

/** Waits until no webhook is due, so that the next measure has the machine for itself. */
export const webhooksDrained = async ({ sql }: Place, hosts?: ReadonlyArray<string>): Promise<void> => {
  const endsAt = performance.now() + DRAIN_MS
  for (;;) {
    const [row] = await sql<Array<{ due: number }>>`
      select count(*)::int as due from outbox where state = 0 and (${hosts === undefined} or host = any(${[...(hosts ?? [])]}))`
    if (row?.due === 0) return
    if (performance.now() > endsAt) throw new Error(`${row?.due} webhooks are still due`)
    await sleep(100)
  }
}
