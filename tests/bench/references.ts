import { spawnSync } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Load, outputOf } from "./load.ts"
import { AMOUNT_FEN, NOTIFY_URL } from "./requests.ts"
import type { BenchDatabase } from "./rig.ts"

/*
 * PostgreSQL alone on the same server and tables, one row per prepared statement, each statement a transaction: the rate
 * of a gateway that did nothing but store. It runs beside the gateways, because only the ratio means anything on another
 * machine.
 */

/**
 * `insert`: the order alone. `insert+charge`: the order, then its charge's row, as the gateway does for a QR code.
 * `insert+update`: these two, then an update of the order, as the gateway does for JSAPI orders.
 */
export const REFERENCES = ["insert", "insert+charge", "insert+update"] as const
export type Reference = (typeof REFERENCES)[number]
export const isReference = (name: string): name is Reference => REFERENCES.some((reference) => reference === name)

/** pgbench, or a loop on the gateway's own driver; the result table names it. */
export const referenceTool = (): "pgbench" | "postgres.js" =>
  spawnSync("pgbench", ["--version"]).error === undefined ? "pgbench" : "postgres.js"

/** :n is a number that no order has yet. The text has an order number's 22 characters, the second's digits first. */
const insert = (account: string) => `insert into orders (
  merchant_id, order_no, merchant_order_no, channel_code, flow, provider, account_id, amount_fen, fee_rate_bp,
  notify_url, body, extra, note, client_ip, created_at, expires_at, reference,
  token_hash, jsapi_app_id, mini_program, openid, next_check_at, attempts, charging_until
) values (
  :merchant, 'QR20260315' || :n::text, 'pg-' || :n::text, 'YINSHENG_QRCODE', 'qrcode', 'bench', '${account}',
  ${AMOUNT_FEN}, 60, '${NOTIFY_URL}', '', '', '在线支付', '127.0.0.1', now(), now() + interval '30 minutes', '{}',
  null, null, null, null, now() + interval '7 days', 1, now() + interval '30 seconds'
) on conflict do nothing returning merchant_id, order_no, merchant_order_no`

const charge = (account: string, detail: string) => `insert into charges (
  merchant_id, order_no, attempt, provider, account_id, at, duration_ms, outcome, detail
) values (
  :merchant, 'QR20260315' || :n::text, 1, 'bench', '${account}', now(), 0, 'accepted', ${detail}
) on conflict do nothing`

const PRESENTATION = `jsonb_build_object(
  'kind', 'qrcode', 'content', 'https://pay.example.com/q/QR20260315' || :n::text
)`
const DETAIL = `'{"request_id": "req_0123456789abcdef01234567", "exchanges": []}'::jsonb`

const update = (account: string) => `with kept as (
  ${charge(account, DETAIL)}
)
update orders set presentation = ${PRESENTATION}, charging_until = null
where merchant_id = :merchant and order_no = 'QR20260315' || :n::text and status = 0
returning merchant_id, order_no`

/** Twelve random digits; a repeated draw is rare and does nothing. */
const DRAW = { from: 100_000_000_000, to: 999_999_999_999 }

const statementsOf = (reference: Reference, account: string): ReadonlyArray<string> => {
  switch (reference) {
    case "insert":
      return [insert(account)]
    case "insert+charge":
      return [insert(account), charge(account, `${DETAIL} || jsonb_build_object('presentation', ${PRESENTATION})`)]
    case "insert+update":
      return [insert(account), update(account)]
  }
}

export const runReference = async (
  database: BenchDatabase,
  reference: Reference,
  connections: number,
  seconds: number
): Promise<Load> => {
  const folder = await mkdtemp(join(database.rig.folder, "reference-"))
  const statements = statementsOf(reference, database.account().id)
  try {
    return referenceTool() === "pgbench"
      ? await runPgbench(database, folder, statements, connections, seconds)
      : await runLoop(database, statements, connections, seconds)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const runPgbench = async (
  database: BenchDatabase,
  folder: string,
  statements: ReadonlyArray<string>,
  connections: number,
  seconds: number
): Promise<Load> => {
  const script = join(folder, "script.sql")
  await writeFile(
    script,
    `\\set n random(${DRAW.from}, ${DRAW.to})\n${statements.map((text) => `${text};\n`).join("")}`
  )
  const output = await outputOf(
    "pgbench",
    [
      ...["--no-vacuum", "--protocol=prepared", "--jobs=1", "--log"],
      // pgbench's time begins before it has connected, and each client's connection takes a password hash.
      ...[`--client=${connections}`, `--time=${seconds + Math.ceil(connections / 100)}`, `--file=${script}`],
      ...[`--define=merchant=${database.merchantId()}`],
      database.databaseUrl
    ],
    { cwd: folder }
  )
  const count = Number(/transactions actually processed: (\d+)/.exec(output)?.[1])
  const rate = Number(/^tps = ([\d.]+)/m.exec(output)?.[1])
  const failed = Number(/failed transactions: (\d+)/.exec(output)?.[1] ?? 0)
  return { requests: count, seconds: count / rate, refused: failed, broken: 0, ...(await latenciesIn(folder)) }
}

/** The third column of pgbench's log: microseconds of each transaction. */
const latenciesIn = async (folder: string): Promise<Pick<Load, "p50Ms" | "p99Ms" | "maxMs">> => {
  const names = (await readdir(folder)).filter((name) => name.startsWith("pgbench_log"))
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")))
  const lines = texts.flatMap((text) => text.trimEnd().split("\n"))
  const sorted = Float64Array.from(lines, (line) => Number(line.split(" ")[2]) / 1000).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1) ?? 0 }
}

const runLoop = async (
  database: BenchDatabase,
  statements: ReadonlyArray<string>,
  connections: number,
  seconds: number
): Promise<Load> => {
  const numbered = statements.map((text) =>
    text.replaceAll(/(?<!:):(n|merchant)\b/g, (_, name: string) => (name === "n" ? "$1" : "$2"))
  )
  const task = {
    url: database.databaseUrl,
    statements: numbered,
    connections,
    seconds,
    draw: DRAW,
    merchant: database.merchantId()
  }
  const output = await outputOf(process.execPath, [join(import.meta.dirname, "postgres-loop.ts"), JSON.stringify(task)])
  return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Load
}
