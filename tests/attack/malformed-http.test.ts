import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway, testRuntime } from "../harness/gateway.ts"
import { type MerchantClient, unique } from "../harness/merchant-client.ts"
import { connectHostile, statuses } from "./hostile-client.ts"

/*
 * Requests that no ordinary client makes. A proxy in front may read them differently from the gateway, so an ambiguous
 * request must end the connection and no part of it may be taken for a second request.
 */

setDefaultTimeout(60_000)

const CREATE = "/api/cashier/qrcode-pay"

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant()
})
afterAll(() => gateway?.stop())

const serves = async (): Promise<void> => expect((await shop.qrcodePay()).message).toBe("下单成功")

/**
 * Sends bytes and reads until the server ends the connection or is silent for a second: only a clock shows that a
 * connection that stays open brings nothing more.
 */
const exchange = async (
  bytes: string | Uint8Array
): Promise<{ text: string; statuses: ReadonlyArray<number>; ended: boolean }> => {
  const hostile = await connectHostile(gateway.url, bytes)
  let seen = -1
  let ended: number | null = null
  while (ended === null && seen !== hostile.received().length) {
    seen = hostile.received().length
    ended = await hostile.ended(1_000)
  }
  hostile.close()
  return { text: hostile.received(), statuses: statuses(hostile.received()), ended: ended !== null }
}

const SECOND = "GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n"

describe("pipelining", () => {
  test("requests that are sent in one piece are answered in their order", async () => {
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: gateway\r\n\r\n`
    const { statuses } = await exchange([get("/healthz"), get("/nowhere"), get("/healthz"), get("/nowhere")].join(""))
    expect(statuses).toEqual([200, 404, 200, 404])
  })

  // Bun ends a connection whose next request comes before the last answer. No ordinary client does that.
  test("two orders in one piece are two orders, each with its own answer, or the connection ends", async () => {
    const numbers = [unique("ORD"), unique("ORD")]
    const requests = numbers.map((merchant_order_no) => {
      const body = shop.body({ merchant_order_no, amount: 1000, notify_url: "https://shop.example.com/" })
      const head = `POST ${CREATE} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json`
      return `${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    })
    const answer = await exchange(requests.join(""))
    if (testRuntime() === "bun" && answer.ended) return expect(answer.statuses).toEqual([])
    expect(answer.statuses).toEqual([200, 200])
    expect(answer.text.indexOf(numbers[0] ?? "")).toBeGreaterThan(0)
    expect(answer.text.indexOf(numbers[1] ?? "")).toBeGreaterThan(answer.text.indexOf(numbers[0] ?? ""))
  })
})

describe("smuggling", () => {
  const post = (lines: ReadonlyArray<string>, body: string) =>
    `${[`POST ${CREATE} HTTP/1.1`, "Host: gateway", "Content-Type: application/json", ...lines].join("\r\n")}\r\n\r\n${body}`
  const length = SECOND.length
  const shapes: Readonly<Record<string, string>> = {
    "a length and chunks": post([`Content-Length: ${length + 5}`, "Transfer-Encoding: chunked"], `0\r\n\r\n${SECOND}`),
    "chunks and a length": post(["Transfer-Encoding: chunked", "Content-Length: 4"], `1\r\nZ\r\n0\r\n\r\n${SECOND}`),
    "two lengths that differ": post(["Content-Length: 0", `Content-Length: ${length}`], SECOND),
    "two lengths in one header": post([`Content-Length: 0, ${length}`], SECOND),
    "a negative length": post(["Content-Length: -1"], SECOND),
    "a length with a plus": post([`Content-Length: +${length}`], SECOND),
    "a hexadecimal length": post(["Content-Length: 0x0"], SECOND),
    "a length with a fraction": post(["Content-Length: 0.0"], SECOND),
    "a length past 2^64": post(["Content-Length: 18446744073709551616"], SECOND),
    "a length of text": post(["Content-Length: none"], SECOND),
    "an unknown coding": post(["Transfer-Encoding: xchunked"], `0\r\n\r\n${SECOND}`),
    "chunked before another coding": post(["Transfer-Encoding: chunked, identity"], `0\r\n\r\n${SECOND}`),
    "chunked twice": post(["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], `0\r\n\r\n${SECOND}`),
    "a space before the colon": post(["Transfer-Encoding : chunked", "Content-Length: 5"], `0\r\n\r\n${SECOND}`),
    "a folded coding": post(["Transfer-Encoding:\r\n chunked", "Content-Length: 5"], `0\r\n\r\n${SECOND}`),
    "a vertical tab before the coding": post(
      ["Transfer-Encoding: \u000bchunked", "Content-Length: 5"],
      `0\r\n\r\n${SECOND}`
    ),
    "a zero byte in a header": post(["X-Zero: a\u0000b", "Content-Length: 0"], SECOND),
    "a line feed alone that ends a header": post(["X-Line: a\nContent-Length: 5"], `0\r\n\r\n${SECOND}`),
    "a carriage return alone in a header": post(["X-Line: a\rContent-Length: 5"], `0\r\n\r\n${SECOND}`),
    "a chunk's size with a sign": post(["Transfer-Encoding: chunked"], `+0\r\n\r\n${SECOND}`),
    "a chunk's size of 0x0": post(["Transfer-Encoding: chunked"], `0x0\r\n\r\n${SECOND}`),
    "a chunk's size past 2^64": post(["Transfer-Encoding: chunked"], `10000000000000000\r\n\r\n${SECOND}`),
    "a chunk that is longer than it says": post(["Transfer-Encoding: chunked"], `1\r\nZZZZ\r\n0\r\n\r\n${SECOND}`),
    "a chunk that ends in a line feed alone": post(["Transfer-Encoding: chunked"], `1\nZ\n0\n\n${SECOND}`),
    "HTTP/1.0 with chunks": post(["Transfer-Encoding: chunked"], `0\r\n\r\n${SECOND}`).replace("HTTP/1.1", "HTTP/1.0")
  }

  test.each(Object.keys(shapes))("%s: nothing that follows is taken for a request", async (shape) => {
    const answer = await exchange(shapes[shape] ?? "")
    expect(answer.text).not.toContain("\r\n\r\nok\n")
    expect(answer.statuses.length).toBeLessThanOrEqual(1)
    expect(answer.statuses.filter((status) => status < 400 || status >= 500)).toEqual([])
    expect(answer.ended).toBe(true)
    await serves()
  })

  test("a request that ends where it says is answered, and the bytes after it are the next request", async () => {
    const { statuses, text } = await exchange(
      `POST /nowhere HTTP/1.1\r\nHost: gateway\r\nContent-Length: 5\r\n\r\nHELLO${SECOND}`
    )
    expect(statuses).toEqual([404, 200])
    expect(text).toContain("\r\n\r\nok\n")
  })
})

describe("request lines and hosts", () => {
  const gentle: Readonly<Record<string, readonly [bytes: string, status: number]>> = {
    "an absolute target": ["GET http://gateway/healthz HTTP/1.1\r\nHost: gateway\r\n\r\n", 200],
    "an absolute target of another host": ["GET http://169.254.169.254/healthz HTTP/1.1\r\nHost: gateway\r\n\r\n", 200],
    "a host of one letter": ["GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200],
    "no host in HTTP/1.0": ["GET /swagger/json HTTP/1.0\r\n\r\n", 200],
    "an order in HTTP/1.0 without a host": [
      `POST ${CREATE} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
      401
    ],
    "another server's host": ["GET /healthz HTTP/1.1\r\nHost: evil.example.com\r\n\r\n", 200]
  }
  test.each(Object.keys(gentle))("%s is answered", async (name) => {
    const [bytes, status] = gentle[name] ?? ["", 0]
    expect((await exchange(bytes)).statuses).toEqual([status])
  })

  test.each(["<", "a b", "a/healthz?", "user:pass@host", "a:99999", "[::1", ":80", "\\", "a#b", "1.2.3.999", "%00"])(
    "the host %p is 400 in the envelope, for a page that reads its URL too",
    async (host) => {
      for (const line of ["GET /swagger/json", "GET /healthz", "GET /nowhere", `POST ${CREATE}`]) {
        const { statuses, text } = await exchange(
          `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
        )
        expect(statuses).toEqual([400])
        expect(Buffer.from(text, "latin1").toString()).toEndWith(`{"code":400,"message":"请求格式错误","data":null}`)
      }
    }
  )

  const strange: Readonly<Record<string, string>> = {
    "no host at all": "GET /healthz HTTP/1.1\r\n\r\n",
    "an empty host": "GET /nowhere HTTP/1.1\r\nHost:\r\n\r\n",
    "two hosts": "GET /nowhere HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a host with a path": "GET /nowhere HTTP/1.1\r\nHost: a/healthz?\r\n\r\n",
    "a host with spaces": "GET /nowhere HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host with a password": "GET /nowhere HTTP/1.1\r\nHost: user:pass@host\r\n\r\n",
    "a host of 8 KB": `GET /nowhere HTTP/1.1\r\nHost: ${"a".repeat(8_000)}\r\n\r\n`,
    "a port past 65535": "GET /nowhere HTTP/1.1\r\nHost: a:99999\r\n\r\n",
    "an unterminated IPv6 host": "GET /nowhere HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "a target that is an authority": "CONNECT gateway:443 HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "an asterisk": "OPTIONS * HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "a target without a slash": "GET healthz HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "an empty target": "GET  HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "a space in the target": "GET /a b HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "a file as the target": "GET file:///etc/passwd HTTP/1.1\r\nHost: gateway\r\n\r\n",
    TRACE: "TRACE / HTTP/1.1\r\nHost: gateway\r\nX-Secret: 1\r\n\r\n",
    "an unknown method": "BREW /nowhere HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "a method in lower case": "get /nowhere HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "an upgrade to h2c": `GET /nowhere HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n`,
    "an upgrade to a web socket":
      "GET /nowhere HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": "GET /\r\n\r\n",
    "HTTP/3.0": "GET /nowhere HTTP/3.0\r\nHost: gateway\r\n\r\n",
    "a TLS greeting": "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n",
    "an unknown expectation": "POST /nowhere HTTP/1.1\r\nHost: gateway\r\nExpect: miracles\r\nContent-Length: 0\r\n\r\n"
  }
  test.each(Object.keys(strange))("%s is refused or not found and causes no error in the gateway", async (name) => {
    const answer = await exchange(Buffer.from(strange[name] ?? "", "latin1"))
    expect(answer.statuses.filter((status) => (status < 400 || status >= 500) && status !== 505)).toEqual([])
    expect(answer.statuses.length + Number(answer.ended)).toBeGreaterThan(0)
    expect(answer.text).not.toMatch(/root:|X-Secret|at \w+ \(|node_modules/)
    await serves()
  })
})

describe("paths", () => {
  const endings = [
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%252f..%252fetc%252fpasswd",
    "..\\..\\..\\etc\\passwd",
    "..%5c..%5cetc%5cpasswd",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    "%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
    "%u002e%u002e/etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "file:%2f%2f%2fetc%2fpasswd",
    "../package.json",
    "..%2f..%2f..%2fpackage.json",
    "../assets.ts",
    "%00",
    "pay.js%00.png",
    "pay.js%00",
    "%",
    "%zz",
    "%e0%a4%a",
    "%ff%fe",
    "%ed%a0%80",
    "a".repeat(8_000),
    "%41".repeat(2_000),
    "__proto__",
    "constructor",
    "toString",
    ".",
    "..",
    "%2e",
    "*",
    "",
    "?../../etc/passwd",
    ";jsessionid=1",
    "\u00e9\u00ff"
  ]
  const roots = [
    "/assets/",
    "/qr/",
    "/sandbox/",
    "/sandbox/pay/",
    "/sandbox/assets/",
    "/api/notice/",
    "/swagger/",
    "/swagger/assets/",
    "/"
  ]

  test.each(roots)("under %s no path finds a file outside, and none causes an error in the gateway", async (root) => {
    for (const ending of endings) {
      for (const method of ["GET", "POST"]) {
        const bytes = `${method} ${root}${ending} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
        const { statuses, text } = await exchange(Buffer.from(bytes, "latin1"))
        const shown = `${method} ${root}${ending.slice(0, 40)}: ${statuses} ${text.slice(0, 200)}`
        expect(statuses.length, shown).toBeLessThanOrEqual(1)
        expect(
          statuses.filter((status) => status >= 500),
          shown
        ).toEqual([])
        expect(text, shown).not.toMatch(/root:x:|"dependencies"|readFileSync/)
      }
    }
    await serves()
  })

  test("an asset is served under its own name", async () => {
    for (const name of ["pay.js", "pay.css"]) {
      expect(
        (await exchange(`GET /assets/${name} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n`)).statuses
      ).toEqual([200])
    }
  })
})

test("none of this was logged as an error of the gateway", async () => {
  expect(gateway.logs()).not.toMatch(/"level":"ERROR"|request failed/)
})
