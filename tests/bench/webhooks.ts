import { readFile, rm } from "node:fs/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { type Receivers, startReceivers, webhooksDrained } from "./receivers.ts"
import { type RequestFile, writeCreates, writeNotices } from "./requests.ts"
import type { BenchDatabase, Rig, RunningGateway } from "./rig.ts"
import { numberText, tableText } from "./table.ts"

export interface WebhooksOptions {
  /** Seconds of steady payments over all rounds, for each mix of receivers. */
  readonly seconds: number
  readonly say: (line: string) => void
  readonly print: (text: string) => void
}

const RECEIVERS = 10
const HANGING = 2
/** The even pace of payments while nothing else happens. */
const PAYMENTS_PER_SECOND = 50
const ROUNDS = 6
const WARM_SECONDS = 2
const BACKLOG = 30_000

/** The backlog's merchant ids begin above any that exists: a push needs only what the outbox row holds. */
const OTHER_MERCHANTS = 1_000_000

interface ReceiverMix {
  readonly name: string
  readonly receivers: Receivers
  readonly database: BenchDatabase
  readonly running: RunningGateway
  /** Milliseconds from a payment's commit to its webhook's arrival, at the receivers that answer. */
  readonly latencies: Array<number>
}

/**
 * How soon a webhook goes out after its payment's commit, how many go out per second, and what the other merchants notice
 * when two of ten receivers take pushes and never answer. Both mixes have a gateway and a database of their own and take
 * turns.
 */
export const runWebhooks = async (rig: Rig, { seconds, say, print }: WebhooksOptions): Promise<unknown> => {
  const mixes: Array<ReceiverMix> = []
  try {
    for (const hanging of [0, HANGING]) {
      const receivers = await startReceivers(RECEIVERS, hanging)
      const database = await rig.newDatabase()
      const running = await database.start({ runtime: "bun", store: "memory" })
      const name = hanging === 0 ? "all answer" : `${hanging} of ${RECEIVERS} hang`
      mixes.push({ name, receivers, database, running, latencies: [] })
    }
    for (const mix of mixes) await payments(mix, WARM_SECONDS)
    for (let round = 0; round < ROUNDS; round++) {
      for (const mix of round % 2 === 0 ? mixes : mixes.toReversed()) {
        say(`round ${round + 1}  ${mix.name}: ${PAYMENTS_PER_SECOND} payments a second`)
        mix.latencies.push(...(await payments(mix, seconds / ROUNDS)))
      }
    }
    const results = []
    for (const { name, receivers, database, latencies } of mixes) {
      say(`${name}: a backlog of ${BACKLOG}`)
      const deliveredPerSecond = await backlogRate(database, receivers)
      results.push({ receivers: name, latency: summaryOf(latencies), deliveredPerSecond })
    }
    const [base] = results
    print(
      tableText(
        [
          "receivers",
          "commit → first push: p50 ms",
          "p99 ms",
          "max ms",
          "× p99",
          "delivered per second to those that answer"
        ],
        results.map(({ receivers, latency, deliveredPerSecond }) => [
          receivers,
          numberText(latency.p50Ms, 1),
          numberText(latency.p99Ms, 1),
          numberText(latency.maxMs, 1),
          numberText(latency.p99Ms / (base?.latency.p99Ms ?? Number.NaN), 2),
          numberText(deliveredPerSecond)
        ])
      )
    )
    return results
  } finally {
    for (const { running } of mixes) await running.gateway.kill()
    for (const { receivers } of mixes) await receivers.stop()
  }
}

const summaryOf = (latencies: ReadonlyArray<number>) => {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? 0 }
}

/**
 * Creates orders and pays them at an even pace.
 * @returns for each, the milliseconds from the begin of the settling transaction to the arrival of the push
 */
const payments = async (
  { database, running: { gateway }, receivers }: ReceiverMix,
  seconds: number
): Promise<Array<number>> => {
  const count = Math.ceil(PAYMENTS_PER_SECOND * seconds)
  const orderNos = await makeOrders(database, gateway.url, count, receivers.urls)
  const notices = await linesOf(
    await writeNotices(database.rig.folder, database.account().key, count, (index) => orderNos[index] ?? "")
  )
  await receivers.forget()
  const startedMs = performance.now()
  for (const [index, body] of notices.entries()) {
    await sleep(Math.max(0, startedMs + (index * 1000) / PAYMENTS_PER_SECOND - performance.now()))
    const answer = await fetch(`${gateway.url}/api/notice/${database.account().id}`, { method: "POST", body })
    if ((await answer.text()) !== "success") throw new Error("a notice was not acknowledged")
  }
  await webhooksDrained(database, answeringHosts(receivers))
  const arrivals = await receivers.arrivals()
  const rows = await database.sql<Array<{ event_id: string; ms: number }>>`
    select event_id, extract(epoch from created_at)::float8 * 1000 as ms from outbox
    where host = any(${[...answeringHosts(receivers)]}) and order_no = any(${orderNos as Array<string>})`
  const latencies = rows.map(({ event_id, ms }) => (arrivals.get(event_id) ?? Number.NaN) - ms)
  if (latencies.some(Number.isNaN)) throw new Error("a webhook never came")
  return latencies
}

/**
 * Writes a backlog straight into the outbox, as if it had fallen due while every gateway was away, in equal parts for all
 * receivers, each of which is a merchant's own.
 * @returns webhooks delivered per second to the receivers that answer
 */
const backlogRate = async (database: BenchDatabase, receivers: Receivers): Promise<number> => {
  await receivers.forget()
  const { urls, answering } = receivers
  const body = JSON.stringify({
    order_no: "QR20260315000000AAAAAAAA",
    amount: "10.00",
    extra: "",
    sign: "0".repeat(64)
  })
  await database.sql`
    insert into outbox (merchant_id, event_id, order_no, url, host, body)
    select ${OTHER_MERCHANTS} + u.index, 'evt_backlog_' || n, 'backlog_' || n, u.url, u.host, ${body}
    from generate_series(1, ${BACKLOG}) n
    join jsonb_to_recordset(${database.sql.json(urls.map((url, index) => ({ index, url, host: new URL(url).host })))})
      as u(index integer, url text, host text) on u.index = n % ${urls.length}`
  await database.sql`select pg_notify('payhub', '{"kind":"webhook-due"}')`
  await webhooksDrained(database, answeringHosts(receivers))
  const times = [...(await receivers.arrivals()).entries()]
    .filter(([event]) => event.startsWith("evt_backlog_"))
    .map(([, ms]) => ms)
  const expected = (BACKLOG / urls.length) * answering
  if (times.length !== expected) throw new Error(`${times.length} of ${expected} webhooks came`)
  const [first, last] = times.reduce(([low, high], ms) => [Math.min(low, ms), Math.max(high, ms)], [Infinity, 0])
  return expected / ((last - first) / 1000)
}

const answeringHosts = ({ urls, answering }: Receivers): ReadonlyArray<string> =>
  urls.slice(0, answering).map((url) => new URL(url).host)

const makeOrders = async (
  database: BenchDatabase,
  url: string,
  count: number,
  urls: ReadonlyArray<string>
): Promise<ReadonlyArray<string>> => {
  const file = await writeCreates(
    database.rig.folder,
    database.merchant(),
    count,
    (index) => urls[index % urls.length] ?? ""
  )
  const orderNos: Array<string> = []
  for (const body of await linesOf(file)) {
    const headers = { "content-type": "application/json" }
    const answer = await fetch(`${url}/api/cashier/qrcode-pay`, { method: "POST", headers, body })
    const { data } = (await answer.json()) as { readonly data: { readonly order_no: string } | null }
    if (data === null) throw new Error(`an order was refused with ${answer.status}`)
    orderNos.push(data.order_no)
  }
  return orderNos
}

const linesOf = async (file: RequestFile): Promise<ReadonlyArray<string>> => {
  const text = await readFile(file.path, "utf8")
  await rm(file.path)
  return text.trimEnd().split("\n")
}
