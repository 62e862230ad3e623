import { rm } from "node:fs/promises"
import { connect, type Socket } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import type { Runtime } from "../harness/gateway.ts"
import { runLoad } from "./load.ts"
import { type Measure, measure, median } from "./measure.ts"
import { writeCreates } from "./requests.ts"
import type { BenchDatabase, Rig, RunningGateway } from "./rig.ts"
import { numberText, tableText } from "./table.ts"
import { cpuSeconds } from "./usage.ts"

export interface IdleBodiesOptions {
  readonly runtimes: ReadonlyArray<Runtime>
  /** Connections that the attacker holds open. */
  readonly crowd: number
  readonly seconds: number
  readonly rounds: number
  readonly say: (line: string) => void
  readonly print: (text: string) => void
}

/** The attacker opens so many connections a second until it holds its crowd, and again for each that is closed. */
const OPENED_PER_SECOND = 300
const TICK_MS = 50

/** The merchant is at 127.0.0.1. */
const ATTACKER = "127.0.0.2"
const MERCHANT_CONNECTIONS = 64
const ORDERS_PER_SECOND_MAX = 10_000
const WARM_SECONDS = 2

const HEALTH_EVERY_MS = 100
const HEALTH_TIMEOUT_MS = 5_000

interface Round {
  readonly before: Measure
  readonly during: Measure
  readonly after: Measure
  /** Seconds of the gateway's CPU for each second of the attack, over those of the gateway without any orders. */
  readonly attackCpu: number
  /** Connections that the attacker held while orders were measured. */
  readonly held: number
}

/**
 * Orders of a merchant, before, after and while somebody elsewhere holds thousands of connections that have each sent one byte of
 * a body. `/healthz` is asked all the time.
 */
export const runIdleBodies = async (rig: Rig, options: IdleBodiesOptions): Promise<unknown> => {
  const { runtimes, rounds, say, print } = options
  const database = await rig.newDatabase()
  const results = []
  for (const runtime of runtimes) {
    const running = await database.start({ runtime, store: "memory" })
    await orders(database, running, WARM_SECONDS)
    const health = watchHealth(running.gateway.url)
    const measured: Array<Round> = []
    for (let number = 1; number <= rounds; number++) {
      say(`${runtime}, round ${number}`)
      measured.push(await round(database, running, options))
    }
    const asked = await health.stop()
    results.push({ runtime, rounds: measured, health: asked, ratio: median(measured.map(ratioOf)) })
    await running.gateway.kill()
  }
  print(
    tableText(
      [
        "runtime",
        "held",
        "orders/s without",
        "with",
        "× (bar 0.90)",
        "× by CPU",
        "refused",
        "p99 ms without",
        "with",
        "attack's CPU",
        "/healthz asked",
        "not 200 (bar 0)",
        "slowest ms"
      ],
      results.map(({ runtime, rounds, health, ratio }) => {
        const middle = (figure: (round: Round) => number) => median(rounds.map(figure))
        return [
          runtime,
          numberText(middle(({ held }) => held)),
          numberText(middle((one) => without(one, ({ perSecond }) => perSecond))),
          numberText(middle(({ during }) => during.perSecond)),
          numberText(ratio, 2),
          numberText(middle(cpuRatioOf), 2),
          numberText(rounds.reduce((sum, { during }) => sum + during.refused + during.broken, 0)),
          numberText(
            middle((one) => without(one, ({ p99Ms }) => p99Ms)),
            1
          ),
          numberText(
            middle(({ during }) => during.p99Ms),
            1
          ),
          numberText(
            middle(({ attackCpu }) => attackCpu),
            3
          ),
          numberText(health.asked),
          numberText(health.failed),
          numberText(health.slowestMs)
        ]
      })
    )
  )
  return results
}

/** A figure without the attack: the mean of before and after it, because a machine's speed drifts. */
const without = ({ before, after }: Round, figure: (measure: Measure) => number): number =>
  (figure(before) + figure(after)) / 2

const ratioOf = (one: Round): number => one.during.perSecond / without(one, ({ perSecond }) => perSecond)

/** The same from the gateway's CPU for each order, which moves less when others use the machine. */
const cpuRatioOf = (one: Round): number => without(one, cpuOfOrder) / cpuOfOrder(one.during)

const cpuOfOrder = ({ cpu, requests }: Measure): number => (cpu.gateway ?? Number.NaN) / requests

const round = async (
  database: BenchDatabase,
  running: RunningGateway,
  { crowd, seconds }: IdleBodiesOptions
): Promise<Round> => {
  const before = await orders(database, running, seconds)
  if (before.refused + before.broken > 0) throw new Error("orders failed before the attack")
  const idleCpu = await cpuAlone(running.gateway.pid, seconds)
  const attack = startAttack(running.gateway.url, crowd)
  await sleep((crowd / OPENED_PER_SECOND) * 1_000)
  const attackCpu = (await cpuAlone(running.gateway.pid, seconds)) - idleCpu
  const during = await orders(database, running, seconds)
  const held = attack.stop()
  return { before, during, after: await orders(database, running, seconds), attackCpu, held }
}

const cpuAlone = async (pid: number, seconds: number): Promise<number> => {
  const before = cpuSeconds(pid) ?? Number.NaN
  await sleep(seconds * 1_000)
  return ((cpuSeconds(pid) ?? Number.NaN) - before) / seconds
}

const orders = async (database: BenchDatabase, { gateway }: RunningGateway, seconds: number): Promise<Measure> => {
  const file = await writeCreates(database.rig.folder, database.merchant(), ORDERS_PER_SECOND_MAX * seconds)
  const url = `${gateway.url}/api/cashier/qrcode-pay`
  const load = { url, connections: MERCHANT_CONNECTIONS, seconds, file: file.path, again: false }
  const measured = await measure(database.rig, gateway.pid, () => runLoad(load))
  await rm(file.path)
  return measured
}

/** Holds `crowd` connections that have sent one byte of a body, until `stop`, which says how many there were. */
const startAttack = (url: string, crowd: number) => {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const head = [
    "POST /api/cashier/qrcode-pay HTTP/1.1",
    "Host: gateway",
    "Content-Type: application/json",
    "Content-Length: 500"
  ]
  const open = () => {
    const socket = connect({ port: Number(port), host: hostname, localAddress: ATTACKER })
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("close", () => sockets.delete(socket))
    socket.resume()
    socket.write(`${head.join("\r\n")}\r\n\r\n{`)
  }
  const timer = setInterval(() => {
    for (let i = 0; i < (OPENED_PER_SECOND * TICK_MS) / 1_000 && sockets.size < crowd; i++) open()
  }, TICK_MS)
  return {
    stop: (): number => {
      clearInterval(timer)
      const held = sockets.size
      for (const socket of sockets) socket.destroy()
      return held
    }
  }
}

/** Asks `/healthz` until `stop`, one request after the other, each on a connection of its own. */
const watchHealth = (url: string) => {
  let over = false
  const seen = { asked: 0, failed: 0, slowestMs: 0 }
  const ask = async () => {
    const startedAt = performance.now()
    seen.asked++
    try {
      const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS)
      const { status } = await fetch(`${url}/healthz`, { headers: { connection: "close" }, signal })
      if (status !== 200) seen.failed++
    } catch {
      seen.failed++
    }
    seen.slowestMs = Math.max(seen.slowestMs, performance.now() - startedAt)
  }
  const asking = (async () => {
    while (!over) {
      await ask()
      await sleep(HEALTH_EVERY_MS)
    }
  })()
  return {
    stop: async () => {
      over = true
      await asking
      return seen
    }
  }
}
