import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway, testRuntime } from "../harness/gateway.ts"
import { envelope, type MerchantClient, readAnswer, unique } from "../harness/merchant-client.ts"
import { until } from "../harness/until.ts"
import { connectHostile, drip, flood, type HostileClient, statuses, watchMemory } from "./hostile-client.ts"

/*
 * How much of the gateway one client may take. Neither runtime sets all of these limits (core/runtime.ts,
 * core/http/body.ts). PAYHUB_TEST_RUNTIME names the runtime that is attacked.
 */

const CREATE = "/api/cashier/qrcode-pay"
const MB = 1_000_000

/** The gateway's limits in seconds (core/runtime.ts, core/http/body.ts), and how late a busy machine may be. */
const HEAD_S = 20
const BODY_S = 15
const LATE_S = 10

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant()
  // The first orders compile and cache, which must not count as the cost of an attack.
  for (let i = 0; i < 200; i++) await shop.qrcodePay()
})
afterAll(() => gateway?.stop())

const head = (path: string, ...lines: ReadonlyArray<string>): string =>
  `${[`POST ${path} HTTP/1.1`, "Host: gateway", "Content-Type: application/json", ...lines].join("\r\n")}\r\n\r\n`

const serves = async (): Promise<void> => expect((await shop.qrcodePay()).message).toBe("下单成功")

const answerOf = (hostile: HostileClient) => {
  const [top = "", text = ""] = Buffer.from(hostile.received(), "latin1").toString("utf8").split("\r\n\r\n")
  const headers = new Headers()
  for (const line of top.split("\r\n").slice(1)) headers.append(line.split(":")[0] ?? "", line.split(":")[1] ?? "")
  return envelope(statuses(hostile.received())[0] ?? 0, headers, text)
}

describe("large bodies", () => {
  const paths = [
    CREATE,
    "/api/cashier/order-query",
    "/api/cashier/jsapi-pay-info",
    "/api/notice/sandbox",
    "/sandbox/pay/QR1",
    "/demo/order",
    "/demo/webhook",
    "/healthz",
    "/nowhere"
  ]

  test.each(paths)("200 MB announced to %s are refused or cut off and take no memory", async (path) => {
    const memory = watchMemory(gateway.pid)
    const hostile = await connectHostile(gateway.url, head(path, `Content-Length: ${200 * MB}`))
    const taken = await flood(hostile, Buffer.alloc(65_536, " "), 200 * MB, 20_000)
    expect(taken).toBeLessThan(20 * MB)
    expect(await hostile.ended(5_000)).not.toBeNull()
    for (const status of statuses(hostile.received())) expect(status).toBeGreaterThanOrEqual(400)
    expect(memory.stop()).toBeLessThan(30)
    await serves()
  })

  test.each(paths)("an endless chunked body to %s is cut off and takes no memory", async (path) => {
    const memory = watchMemory(gateway.pid)
    const hostile = await connectHostile(gateway.url, head(path, "Transfer-Encoding: chunked"))
    const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65_536, " "), Buffer.from("\r\n")])
    expect(await flood(hostile, chunk, 200 * MB, 20_000)).toBeLessThan(20 * MB)
    expect(await hostile.ended(5_000)).not.toBeNull()
    for (const status of statuses(hostile.received())) expect(status).toBeGreaterThanOrEqual(400)
    expect(memory.stop()).toBeLessThan(30)
    await serves()
  })

  test("endless chunks of one byte are cut off", async () => {
    const hostile = await connectHostile(gateway.url, head(CREATE, "Transfer-Encoding: chunked"))
    expect(await flood(hostile, Buffer.from("1\r\nx\r\n".repeat(5_000)), 200 * MB, 25_000)).toBeLessThan(60 * MB)
    expect(await hostile.ended(5_000)).not.toBeNull()
    await serves()
  })

  test("fifty clients that each send 200 MB at once take no memory together", async () => {
    const memory = watchMemory(gateway.pid)
    const all = await Promise.all(
      Array.from({ length: 50 }, () => connectHostile(gateway.url, head(CREATE, `Content-Length: ${200 * MB}`)))
    )
    await Promise.all(all.map((hostile) => flood(hostile, Buffer.alloc(65_536, " "), 200 * MB, 20_000)))
    for (const hostile of all) hostile.close()
    expect(memory.stop()).toBeLessThan(150)
    await serves()
  })

  test("an ordinary client that sends 1 MB reads 413 in the envelope", async () => {
    for (let i = 0; i < 20; i++) {
      const answer = await shop.raw(CREATE, `{"pad":"${"x".repeat(MB)}"}`)
      expect([answer.code, answer.message]).toEqual([413, "请求体过大"])
    }
  })

  test("a body that is announced too long and never sent is 413 at once", async () => {
    const hostile = await connectHostile(gateway.url, head(CREATE, "Content-Length: 100000"))
    await hostile.ended(5_000)
    expect(answerOf(hostile).code).toBe(413)
  })
})

describe("slow clients", () => {
  const partial = `GET /healthz HTTP/1.1\r\nHost: gateway\r\n`
  const attacks: Readonly<
    Record<string, { readonly maxS: number; readonly start: (origin: string) => Promise<HostileClient> }>
  > = {
    "a body of one byte a second": {
      maxS: BODY_S,
      start: async (origin) => {
        const hostile = await connectHostile(origin, head(CREATE, "Content-Length: 1000"))
        drip(hostile, () => " ", 1_000)
        return hostile
      }
    },
    "a chunked body of one byte a second": {
      maxS: BODY_S,
      start: async (origin) => {
        const hostile = await connectHostile(origin, head(CREATE, "Transfer-Encoding: chunked"))
        drip(hostile, () => "1\r\n \r\n", 1_000)
        return hostile
      }
    },
    "a body that never comes": {
      maxS: BODY_S,
      start: (origin) => connectHostile(origin, head(CREATE, "Content-Length: 1000"))
    },
    "a notice's body of one byte a second": {
      maxS: BODY_S,
      start: async (origin) => {
        const hostile = await connectHostile(origin, head("/api/notice/sandbox", "Content-Length: 1000"))
        drip(hostile, () => " ", 1_000)
        return hostile
      }
    },
    "a header a second": {
      maxS: HEAD_S,
      start: async (origin) => {
        const hostile = await connectHostile(origin, partial)
        drip(hostile, () => `X-${unique()}: 1\r\n`, 1_000)
        return hostile
      }
    },
    "a request line of one byte a second": {
      maxS: HEAD_S,
      start: async (origin) => {
        const hostile = await connectHostile(origin, "GET /")
        drip(hostile, () => "a", 1_000)
        return hostile
      }
    },
    "headers that stop in the middle": { maxS: HEAD_S, start: (origin) => connectHostile(origin, partial) },
    "a connection that says nothing": { maxS: HEAD_S, start: (origin) => connectHostile(origin) },
    "a connection that is half closed after half a request": {
      maxS: HEAD_S,
      start: async (origin) => {
        const hostile = await connectHostile(origin, partial)
        hostile.socket.end()
        return hostile
      }
    }
  }
  // All attacks run at once, so that the deadlines take half a minute instead of minutes.
  let endings: Promise<Readonly<Record<string, number | null>>>
  beforeAll(() => {
    const one = async ([name, { maxS, start }]: (typeof list)[number]) => {
      const hostile = await start(gateway.url)
      const seconds = await hostile.ended((maxS + LATE_S + 5) * 1_000)
      hostile.close()
      return [name, seconds] as const
    }
    const list = Object.entries(attacks)
    endings = Promise.all(list.map(one)).then(Object.fromEntries)
  })

  test("an ordinary client is served meanwhile", async () => {
    let over = false
    endings.then(() => {
      over = true
    })
    while (!over) {
      const startedAt = performance.now()
      await serves()
      expect(performance.now() - startedAt).toBeLessThan(5_000)
      // An order four times a second until the last attack has ended.
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  })

  test.each(Object.keys(attacks))("%s is ended at our deadline", async (name) => {
    const seconds = (await endings)[name]
    expect(seconds).not.toBeNull()
    expect(seconds).toBeLessThan((attacks[name]?.maxS ?? 0) + LATE_S)
  })
})

describe("header floods", () => {
  const request = (...lines: ReadonlyArray<string>) =>
    `GET /healthz HTTP/1.1\r\nHost: gateway\r\n${lines.join("\r\n")}\r\n\r\n`
  const refused = async (bytes: string) => {
    const memory = watchMemory(gateway.pid)
    const hostile = await connectHostile(gateway.url, bytes)
    expect(await hostile.ended(10_000)).not.toBeNull()
    expect(statuses(hostile.received()).filter((status) => status < 400)).toEqual([])
    expect(memory.stop()).toBeLessThan(30)
    await serves()
  }

  test("ten thousand headers are refused", () =>
    refused(request(...Array.from({ length: 10_000 }, (_, index) => `X-Header-${index}: some value`))))
  test("a header of 1 MB is refused", () => refused(request(`X-Large: ${"x".repeat(MB)}`)))
  test("a header name of 1 MB is refused", () => refused(request(`${"X".repeat(MB)}: 1`)))
  test("a path of 1 MB is refused", () => refused(`GET /${"a".repeat(MB)} HTTP/1.1\r\nHost: gateway\r\n\r\n`))
  test("a method of 1 MB is refused", () => refused(`${"A".repeat(MB)} / HTTP/1.1\r\nHost: gateway\r\n\r\n`))

  test("an endless head is cut off", async () => {
    const memory = watchMemory(gateway.pid)
    const hostile = await connectHostile(gateway.url, "GET /healthz HTTP/1.1\r\nHost: gateway\r\nX-Large: ")
    expect(await flood(hostile, Buffer.alloc(65_536, "x"), 200 * MB, 15_000)).toBeLessThan(20 * MB)
    expect(memory.stop()).toBeLessThan(30)
    await serves()
  })

  test("an order with 8 KB of headers, as proxies add them, is taken", async () => {
    const answer = await shop.qrcodePay({}, { headers: { "X-Trace": "x".repeat(8_000) } })
    expect(answer.message).toBe("下单成功")
  })
})

describe("crowds", () => {
  test("three thousand connections that say nothing or half a request keep nobody out", async () => {
    const memory = watchMemory(gateway.pid)
    const crowd: Array<HostileClient> = []
    const open = async (bytes: string, count: number) => {
      for (let i = 0; i < count; i += 250) {
        crowd.push(...(await Promise.all(Array.from({ length: 250 }, () => connectHostile(gateway.url, bytes)))))
      }
    }
    await open("", 1_000)
    await open("GET /healthz HTTP/1.1\r\nHost: gateway\r\n", 1_000)
    await open(head(CREATE, "Content-Length: 500"), 1_000)
    const startedAt = performance.now()
    for (let i = 0; i < 20; i++) await serves()
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    for (const hostile of crowd) hostile.close()
    expect(memory.stop()).toBeLessThan(150)
    await serves()
  })

  test("a thousand connections that are reset in the middle of a body harm no other client", async () => {
    for (let i = 0; i < 1_000; i += 100) {
      const some = await Promise.all(
        Array.from({ length: 100 }, () =>
          connectHostile(gateway.url, `${head(CREATE, "Content-Length: 500")}{"app_id"`)
        )
      )
      for (const { socket } of some) socket.resetAndDestroy()
    }
    await serves()
  })

  test("a client that sends requests and reads no answers fills no memory", async () => {
    const memory = watchMemory(gateway.pid)
    const hostile = await connectHostile(gateway.url)
    hostile.socket.pause()
    const page = Buffer.from("GET /demo HTTP/1.1\r\nHost: gateway\r\n\r\n".repeat(50))
    await flood(hostile, page, 5 * MB, 5_000)
    hostile.close()
    expect(memory.stop()).toBeLessThan(300)
    await serves()
  })

  test("a connection stays open after an answer and serves the next request", async () => {
    const hostile = await connectHostile(gateway.url, "GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
    for (let count = 1; count <= 5; count++) {
      await until(`answer ${count}`, () => statuses(hostile.received()).length >= count)
      hostile.socket.write("GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n")
    }
    expect(new Set(statuses(hostile.received()))).toEqual(new Set([200]))
    hostile.close()
  })
})

test(`the attacks do not fill the logs on ${testRuntime()}`, async () => {
  await readAnswer(await fetch(`${gateway.url}/nowhere`))
  expect(gateway.logs().split("\n").length).toBeLessThan(100)
})
