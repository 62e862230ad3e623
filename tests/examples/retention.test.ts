import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import postgres from "postgres"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { sharedPostgres } from "../harness/postgres.ts"
import { until } from "../harness/until.ts"
import { startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/* examples/deploy/retention.sql on the database of a running gateway. */

setDefaultTimeout(60_000)

const file = join(resolve(import.meta.dirname, "../.."), "examples/deploy/retention.sql")

let gateway: Gateway
let receiver: WebhookReceiver
let sql: postgres.Sql
beforeAll(async () => {
  const databaseUrl = await (await sharedPostgres()).createDatabase()
  sql = postgres(databaseUrl, { max: 1 })
  gateway = await startGateway({ databaseUrl })
  receiver = await startWebhookReceiver()
})
afterAll(async () => {
  await sql?.end()
  await receiver?.close()
  await gateway?.stop()
})

/** One statement after the other, as psql sends them: a `commit` inside is allowed in no other way. */
const deleteOld = async (): Promise<void> => {
  const statements = readFileSync(file, "utf8").split(/;\n(?=\n|set )/)
  expect(statements).toHaveLength(4)
  for (const statement of statements) await sql.unsafe(statement)
}

/** How many rows each table has. */
const rows = async (): Promise<Readonly<Record<string, number>>> => {
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`
  const counts = await Promise.all(
    tables.map(async ({ name }) => [name, Number((await sql`select count(*) from ${sql(name)}`)[0]?.count)])
  )
  return Object.fromEntries(counts)
}

test("retention.sql deletes old pushes and notices of settled orders, and nothing else", async () => {
  const shop = await gateway.merchant()
  const paidOrder = async (notify_url: string): Promise<string> => {
    const made = await shop.qrcodePay({ notify_url })
    const orderNo = String((made.data as { order_no: string }).order_no)
    await gateway.command(["sandbox", "pay", orderNo])
    return orderNo
  }
  const inbox = receiver.inbox()
  const old = await paidOrder(inbox.url)
  await paidOrder(inbox.url)
  await inbox.waitFor(2)
  await until("the results of both pushes", async () => (await rows()).attempts === 2)

  const before = await rows()
  expect(before).toMatchObject({ orders: 2, notices: 2, attempts: 2, outbox: 2 })
  await deleteOld()
  expect(await rows()).toEqual(before)

  await sql`update attempts set at = at - interval '91 days' where order_no = ${old}`
  await sql`update notices set received_at = received_at - interval '401 days' where order_no = ${old}`
  await deleteOld()
  expect(await rows()).toEqual({ ...before, notices: 1, attempts: 1 })
  // The order is whole, its webhook can be pushed again, and the gateway works on.
  expect(await gateway.command(["order", "show", old])).toMatchObject({ status_name: "PAID" })
  await gateway.command(["webhook", "resend", old])
  await inbox.waitFor(3)
  await until("the result of the third push", async () => (await rows()).attempts === 2)

  // What is not decided yet keeps its history, however old.
  await sql`update attempts set at = at - interval '91 days'`
  await sql`update notices set received_at = received_at - interval '401 days'`
  await sql`update outbox set state = 0, take_at = 'infinity', due_at = 'infinity'`
  const kept = await rows()
  await sql`update orders set status = 0, paid_at = null, channel_trade_no = null, fee_fen = null, actual_fen = null`
  await deleteOld()
  expect(await rows()).toEqual(kept)
})
