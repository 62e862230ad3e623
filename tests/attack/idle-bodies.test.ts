import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type MerchantClient, unique } from "../harness/merchant-client.ts"
import { actAsPayer, becomes } from "../harness/payer.ts"
import { until } from "../harness/until.ts"
import { connectHostile, type HostileClient, statuses } from "./hostile-client.ts"

/*
 * Crowds of clients that send one byte of a body each and then wait (core/http/unread-bodies.ts). They need no
 * credential, so they must cost nobody but themselves. PAYHUB_TEST_RUNTIME names the runtime that is attacked.
 */

setDefaultTimeout(60_000)

const CREATE = "/api/cashier/qrcode-pay"
const NOTIFY_URL = "https://shop.example.com/notify"

/** More than the gateway serves at a time, and more than it waits for of one client. */
const CROWD = 4_200
const OF_ONE = 512

/** Descriptors that a process needs for other things than the crowd. */
const FILES_SPARE = 300

let gateway: Gateway
let shop: MerchantClient
let crowdMax = CROWD
beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant()
  crowdMax = Math.min(CROWD, filesMax("self") - FILES_SPARE, filesMax(gateway.pid) - FILES_SPARE)
  if (crowdMax < CROWD) console.log(`ulimit -n allows crowds of ${crowdMax} instead of ${CROWD}: raise it to 5000`)
})
afterAll(() => gateway?.stop())

const filesMax = (pid: number | "self"): number => {
  const [, limit] = /Max open files\s+(\S+)/.exec(readFileSync(`/proc/${pid}/limits`, "latin1")) ?? []
  return limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit)
}

const post = (path: string, body: string, length = Buffer.byteLength(body)): string =>
  `POST ${path} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`

/** Clients at these addresses, in turn, that each send one byte of a body of 500. */
const openCrowd = async (count: number, addresses: ReadonlyArray<string>, path = CREATE) => {
  const crowd: Array<HostileClient> = []
  while (crowd.length < count) {
    const some = Array.from({ length: Math.min(200, count - crowd.length) }, (_, index) =>
      connectHostile(gateway.url, post(path, "{", 500), addresses[(crowd.length + index) % addresses.length])
    )
    crowd.push(...(await Promise.all(some)))
    await servesOthers()
  }
  return crowd
}

const servesOthers = async (): Promise<void> => {
  expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
  expect((await shop.qrcodePay()).message).toBe("下单成功")
}

/** An order is paid: at the sandbox's page, by the notice that it sends to the gateway, and as its merchant sees it. */
const passesAPayment = async (): Promise<void> => {
  const order = await shop.qrcodePay()
  await actAsPayer(order)
  await becomes(shop, order, "PAID")
}

const answerAt = async (address: string): Promise<string> => {
  const body = shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL })
  const client = await connectHostile(gateway.url, post(CREATE, body), address)
  await until("an answer", () => client.received().includes("}"))
  client.close()
  return Buffer.from(client.received(), "latin1").toString()
}

test("one address with thousands of unread bodies loses the oldest of them, and everybody is served, itself too", async () => {
  const crowd = await openCrowd(crowdMax, ["127.0.0.2"])
  await passesAPayment()
  const [oldest] = crowd
  await until("the oldest to be answered", () => statuses(oldest?.received() ?? "").length > 0)
  expect(await oldest?.ended(5_000)).not.toBeNull()
  const answer = Buffer.from(oldest?.received() ?? "", "latin1").toString()
  expect(answer).toStartWith("HTTP/1.1 503 ")
  expect(answer.toLowerCase()).toMatch(/\r\nretry-after: 1\r\n/)
  expect(answer).toEndWith(`{"code":503,"message":"服务繁忙,请稍后重试","data":null}`)
  expect(crowd.slice(-OF_ONE / 2).map((client) => client.received())).toEqual(Array(OF_ONE / 2).fill(""))
  expect(await answerAt("127.0.0.2")).toContain("下单成功")
  for (const client of crowd) client.close()
})

test("a client within its bound loses none: slow senders are answered once their bodies have come", async () => {
  const crowd = await openCrowd(OF_ONE - 10, ["127.0.0.3"])
  expect(await answerAt("127.0.0.3")).toContain("下单成功")
  expect(crowd.filter((client) => client.received() !== "")).toEqual([])
  for (const { socket } of crowd) socket.write(`}${" ".repeat(498)}`)
  for (const client of crowd) {
    await until("an answer", () => statuses(client.received()).length > 0)
    expect(statuses(client.received())).toEqual([401])
    client.close()
  }
})

test("thousands of unread bodies from many addresses keep no order, payment or notice out", async () => {
  const addresses = Array.from({ length: 10 }, (_, index) => `127.0.1.${index + 1}`)
  const orders = await openCrowd(crowdMax / 2, addresses)
  const notices = await openCrowd(crowdMax / 2, addresses, "/api/notice/sandbox")
  await passesAPayment()
  expect(await answerAt("127.0.1.1")).toContain("下单成功")
  for (const client of [...orders, ...notices]) client.close()
  await servesOthers()
})
