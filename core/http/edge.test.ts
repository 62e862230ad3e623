import { describe, expect, test } from "bun:test"
import { Exit } from "effect"
import { noteSocketAddress } from "./client-address.ts"
import { makeEntrance, type RequestKind, type Served } from "./edge.ts"
import { UnreadBodies } from "./unread-bodies.ts"

const LIMITS = { ofOne: 3, ofAll: 100 }

const open = (trustedProxies: ReadonlyArray<string> = []) => {
  const unread = new UnreadBodies(LIMITS, (address) => trustedProxies.includes(address))
  const run = () => Promise.resolve(Exit.die("no effect is run here"))
  return { unread, ...makeEntrance(run, { trustedProxies }, unread) }
}

const ok = async () => new Response("ok")

/** A handler whose calls wait until `release`, which answers them and all later ones. */
const gate = (then: () => Promise<Response> = ok) => {
  let release: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    release = resolve
  })
  return { release, handle: () => opened.then(then) }
}

const served = (kind: RequestKind, handle: Served["handle"] = ok, body?: Served["body"]): Served => ({
  kind,
  path: kind === "merchant" ? "/api/cashier/test" : `/${kind}`,
  body,
  handle
})

const get = (headers: Record<string, string> = {}) => new Request("http://gateway/", { headers })

/** A request whose body ends only when the test says so. */
const slowPost = (address: string, headers: Record<string, string> = {}) => {
  let finish: () => void = () => undefined
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(Buffer.from("{"))
      finish = () => {
        controller.enqueue(Buffer.from("}"))
        controller.close()
      }
    }
  })
  const all = { "content-type": "application/json", ...headers }
  const request = new Request("http://gateway/", { method: "POST", body, headers: all, duplex: "half" } as RequestInit)
  noteSocketAddress(request, address)
  return { request, finish }
}

/** How many requests of a kind wait in a handler before the next one is refused; the handlers are left waiting. */
const fill = async (entrance: ReturnType<typeof open>["entrance"], filling: Served) => {
  const waiting: Array<Promise<Response>> = []
  for (;;) {
    const answer = entrance(filling, get(), {})
    const first = await Promise.race([answer, new Promise<null>((resolve) => setImmediate(resolve, null))])
    if (first !== null) return { refusal: first, waiting }
    waiting.push(answer)
  }
}

describe("slots", () => {
  test("a kind that is full is refused with Retry-After, serves again when it empties, and takes no other's slots", async () => {
    const { entrance } = open()
    const pages = gate()
    const { refusal, waiting } = await fill(entrance, served("page", pages.handle))
    expect([refusal.status, refusal.headers.get("retry-after")]).toEqual([503, "1"])
    expect(await refusal.json()).toEqual({ code: 503, message: "服务繁忙,请稍后重试", data: null })
    for (const kind of ["merchant", "payer", "notice", "site", "health", "monitor"] as const) {
      expect((await entrance(served(kind), get(), {})).status).toBe(200)
    }
    pages.release()
    for (const answer of waiting) expect((await answer).status).toBe(200)
    expect((await fill(entrance, served("page", gate().handle))).waiting.length).toBe(waiting.length)
  })

  test("liveness is answered while readiness is full", async () => {
    const { entrance } = open()
    await fill(entrance, served("monitor", gate().handle))
    expect((await entrance(served("health"), get(), {})).status).toBe(200)
  })

  test("as many orders as there are slots can all be at the sandbox, which is this same server", async () => {
    const { entrance } = open()
    const orders = gate(() => entrance(served("site"), get(), {}))
    const { waiting } = await fill(entrance, served("merchant", orders.handle))
    expect(waiting.length).toBe(4_096)
    orders.release()
    for (const answer of waiting) expect((await answer).status).toBe(200)
  })

  test("a handler that throws gives its slot back", async () => {
    const { entrance } = open()
    const broken = served("health", () => Promise.reject(new Error("broken")))
    for (let i = 0; i < 100; i++) expect((await entrance(broken, get(), {})).status).toBe(500)
    expect((await entrance(served("health"), get(), {})).status).toBe(200)
  })
})

describe("unread bodies", () => {
  test("take no slot: more of them than slots leave every request that is there served", async () => {
    const { entrance, unread } = open()
    const slow = Array.from({ length: 90 }, (_, index) => slowPost(`192.0.2.${index}`))
    const answers = slow.map(({ request }) => entrance(served("health", ok, "json"), request, {}))
    expect(unread.count).toBe(90)
    expect((await entrance(served("health"), get(), {})).status).toBe(200)
    for (const [index, { finish }] of slow.entries()) {
      finish()
      expect((await answers[index])?.status).toBe(200)
    }
    expect([unread.count, unread.networks]).toEqual([0, 0])
  })

  test("over a client's bound, its oldest gets 503 and a closed connection, and its next one is served", async () => {
    const { entrance, unread } = open()
    const slow = Array.from({ length: LIMITS.ofOne + 1 }, () => slowPost("192.0.2.1"))
    const [oldest, ...others] = slow.map(({ request }) => entrance(served("merchant", ok, "json"), request, {}))
    const refused = await oldest
    expect([refused?.status, refused?.headers.get("connection"), refused?.headers.get("retry-after")]).toEqual([
      503,
      "close",
      "1"
    ])
    for (const { finish } of slow.slice(1)) finish()
    for (const answer of others) expect((await answer).status).toBe(200)
    expect([unread.count, unread.networks]).toEqual([0, 0])
  })

  test("behind a trusted proxy, the client is bounded and not the proxy", async () => {
    const { entrance, unread } = open(["10.0.0.1"])
    const through = (client: string) => {
      const slow = slowPost("10.0.0.1", { "x-forwarded-for": client })
      return { ...slow, answer: entrance(served("merchant", ok, "json"), slow.request, {}) }
    }
    const many = Array.from({ length: 50 }, (_, index) => through(`192.0.2.${index}`))
    const own = Array.from({ length: 10 }, () => through("10.0.0.1"))
    const one = Array.from({ length: LIMITS.ofOne + 1 }, () => through("198.51.100.1"))
    expect((await one[0]?.answer)?.status).toBe(503)
    expect(unread.count).toBe(50 + 10 + LIMITS.ofOne)
    for (const { finish, answer } of [...many, ...own, ...one.slice(1)]) {
      finish()
      expect((await answer).status).toBe(200)
    }
  })

  test("a body that the route does not take is not waited for", async () => {
    const { entrance, unread } = open()
    const text = slowPost("192.0.2.1", { "content-type": "text/plain" })
    const seen: Array<unknown> = []
    const see: Served["handle"] = async ({ body }) => {
      seen.push(body)
      return ok()
    }
    await entrance(served("merchant", see, "json"), text.request, {})
    await entrance(served("merchant", see), slowPost("192.0.2.1").request, {})
    expect(seen).toEqual(["not-json", new Uint8Array()])
    expect(unread.count).toBe(0)
  })
})

test("the stop refuses new merchant calls and waits for one whose body is still arriving", async () => {
  const { entrance, drain } = open()
  const slow = slowPost("192.0.2.1")
  const answer = entrance(served("merchant", ok, "json"), slow.request, {})
  let drained = false
  const stopped = drain(10_000).then(() => {
    drained = true
  })
  expect((await entrance(served("merchant"), get(), {})).status).toBe(503)
  expect((await entrance(served("site"), get(), {})).status).toBe(200)
  expect(drained).toBe(false)
  slow.finish()
  expect((await answer).status).toBe(200)
  await stopped
})

test.each(["<", "a b", "a/b", "user:pass@host", "a:99999", "[::1", "é", "\\", ":80", "a, b", "%00", "a#b"])(
  "the host %p is 400 in the envelope",
  async (host) => {
    const request = { headers: new Headers({ host }) } as Request
    const answer = await open().entrance(served("health"), request, {})
    expect(await answer.json()).toEqual({ code: 400, message: "请求格式错误", data: null })
  }
)

test.each(["gateway", "pay.example.com:8080", "127.0.0.1", "[::1]:80", "my_host", "a:", ""])(
  "the host %p is served",
  async (host) => {
    expect((await open().entrance(served("health"), get({ host }), {})).status).toBe(200)
  }
)
