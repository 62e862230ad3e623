import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Audit, startAudit } from "../harness/audit.ts"
import { type Gateway, startGateway, testRuntime } from "../harness/gateway.ts"
import { envelope, type MerchantClient, type Parameters } from "../harness/merchant-client.ts"
import { sendOrdersAtOnce } from "../harness/orders-at-once.ts"
import { sharedPostgres } from "../harness/postgres.ts"
import {
  addAccount,
  SCRIPTED_CHANNEL,
  type ScriptedProvider,
  startScriptedProvider
} from "../harness/scripted-provider.ts"
import { until } from "../harness/until.ts"
import { statuses } from "./hostile-client.ts"

/*
 * How much of the gateway one party's orders may take while their channel hangs (core/cashier/bulkheads.ts). Each test
 * counts what is answered; none measures time.
 */

/** Orders that one merchant may have waiting, alone in its mode: of 3,000 live ones, of 1,000 test ones. */
const LIVE_SHARE = 804
const TEST_SHARE = 268

/** An amount for which the sandbox never answers the charge (channels/sandbox/faults.ts). */
const SANDBOX_HANGS = { amount: 888_803 }
const PROVIDER_HANGS = { note: "charge=hang" }

setDefaultTimeout(120_000)

let gateway: Gateway
let provider: ScriptedProvider
let audit: Audit
beforeAll(async () => {
  const databaseUrl = await (await sharedPostgres()).createDatabase()
  provider = await startScriptedProvider(() => gateway.url)
  audit = await startAudit(databaseUrl)
  gateway = await startGateway({
    databaseUrl,
    runtime: testRuntime(),
    env: { PAYHUB_CHANNELS: SCRIPTED_CHANNEL, PAYHUB_RECONCILE_SCHEDULE: "600", PAYHUB_METRICS_TOKEN: "token" }
  })
})
afterAll(async () => {
  await gateway?.stop()
  await Promise.all([provider?.close(), audit?.close()])
})

const live = async () => gateway.merchant({ test: false, accounts: [await account()] })
const account = () => addAccount(gateway, "scripted", provider.account, 60)

const send = (shop: MerchantClient, count: number, parameters: Parameters) =>
  sendOrdersAtOnce(gateway.url, shop, count, parameters)

const storedOf = async ({ appId }: MerchantClient): Promise<number> => {
  const [row] = await audit.sql`
    select count(*)::int as count from orders o join merchants m on m.id = o.merchant_id where m.app_id = ${appId}`
  return Number(row?.count)
}

const metric = async (line: RegExp): Promise<number> => {
  const headers = { authorization: "Bearer token" }
  return Number(line.exec(await (await fetch(`${gateway.url}/metrics`, { headers })).text())?.[1] ?? 0)
}
const waiting = (mode: string) =>
  metric(new RegExp(`^payhub_orders_waiting\\{mode="${mode}",account="[^"]+"\\} ([1-9]\\d*)$`, "m"))

/** Places orders that must all be taken. */
const serves = async (shop: MerchantClient, count = 20) => {
  for (let n = 0; n < count; n++) expect((await shop.qrcodePay()).message).toBe("下单成功")
}

const refusalOf = (text: string) => {
  const [top = "", body = ""] = Buffer.from(text, "latin1").toString("utf8").split("\r\n\r\n")
  const headers = new Headers(
    top
      .split("\r\n")
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()])
  )
  return envelope(statuses(text)[0] ?? 0, headers, body)
}

describe("a channel that hangs", () => {
  test("for a test merchant's 2,500 orders is filled by its share of them, and live orders are taken as ever", async () => {
    const [hostile, other, shop] = [await gateway.merchant(), await gateway.merchant(), await live()]
    await serves(shop, 1)
    const sent = await send(hostile, 2_500, SANDBOX_HANGS)
    await until("the orders too many to be refused", () => sent.answered(503).length >= 2_500 - TEST_SHARE)
    expect(sent.answered(503).length).toBe(2_500 - TEST_SHARE)
    const refusal = refusalOf(sent.first(503))
    expect([refusal.message, refusal.data?.order_no]).toEqual(["服务繁忙,请稍后重试", undefined])
    expect(Number(refusal.headers.get("retry-after"))).toBeGreaterThan(0)
    await serves(shop)
    await serves(other)
    expect(await storedOf(hostile)).toBe(TEST_SHARE)
    expect(await waiting("test")).toBe(TEST_SHARE)
    const refused = /^payhub_orders_refused_total\{mode="test",account="[^"]+"\} (\d+)$/m
    expect(await metric(refused)).toBe(2_500 - TEST_SHARE)
    expect(gateway.logs()).toContain("orders are refused because too many wait for a channel")
    // The clients go, the orders still wait for their channel; when that gives up, there is room again.
    sent.hangUp()
    await until("the orders to end", async () => (await waiting("test")) === 0, { timeoutMs: 60_000, everyMs: 250 })
    await serves(hostile)
  })

  test("at one live account leaves the same account to other merchants, and other accounts to all", async () => {
    const [slow, quick] = [await account(), await account()]
    const hostile = await gateway.merchant({ test: false, accounts: [slow] })
    const beside = await gateway.merchant({ test: false, accounts: [slow] })
    const elsewhere = await gateway.merchant({ test: false, accounts: [quick] })
    const both = await gateway.merchant({ test: false, accounts: [slow, quick] })
    const sent = await send(hostile, 2_000, PROVIDER_HANGS)
    await until("the orders too many to be refused", () => sent.answered(503).length >= 2_000 - LIVE_SHARE)
    expect(sent.answered(503).length).toBe(2_000 - LIVE_SHARE)
    await serves(beside)
    await serves(elsewhere)
    await serves(both)
    expect(await storedOf(hostile)).toBe(LIVE_SHARE)
    // A number that was refused is still free; one that was taken is uncertain and known.
    const [refused = ""] = sent.answered(503)
    expect((await hostile.orderQuery({ merchant_order_no: refused })).code).toBe(404)
    await until("the provider's deadline", () => sent.answered(500).length === LIVE_SHARE, { timeoutMs: 60_000 })
    expect((await hostile.qrcodePay({ merchant_order_no: refused })).message).toBe("下单成功")
    await serves(hostile)
    expect(await waiting("live")).toBe(0)
  })
})
