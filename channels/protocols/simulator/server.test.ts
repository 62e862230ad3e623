import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { CALL_FAULTS, type CallFault } from "./faults.ts"
import { type SimulatorServer, startSimulatorServer, withWireFault } from "./server.ts"

/** Echoes what it is asked; the path names a fault. */
let server: SimulatorServer
const done: Array<string> = []
beforeAll(async () => {
  server = await startSimulatorServer(({ method, target, url, headers, body }) => {
    if (url.pathname === "/throw") throw new Error("a bug of the simulator")
    const fault = url.pathname.slice(1)
    return withWireFault(Object.hasOwn(CALL_FAULTS, fault) ? (fault as CallFault) : undefined, () => {
      done.push(fault)
      return {
        status: 201,
        headers: { "x-echo": headers["x-asked"] ?? "" },
        body: `${method} ${target} ${body.toString("utf8")}`
      }
    })
  })
})
afterAll(() => server.stop())

const ask = (path: string, body = "汉") =>
  fetch(server.origin + path, { method: "POST", body, headers: { "x-asked": "yes" } })

describe("A simulated provider's server", () => {
  test("hands on the method, the target as it came, the headers and the body's bytes", async () => {
    const answer = await ask("/plain?a=%20b")
    expect([answer.status, answer.headers.get("x-echo"), await answer.text()]).toEqual([
      201,
      "yes",
      "POST /plain?a=%20b 汉"
    ])
  })

  test("answers a handler that throws with status 500 and its words", async () => {
    const answer = await ask("/throw")
    expect([answer.status, await answer.text()]).toEqual([500, "Error: a bug of the simulator"])
  })

  test("refuses a body that no provider would take", async () => {
    expect((await ask("/plain", "x".repeat(65_537))).status).toBe(413)
  })
})

describe("A call that meets", () => {
  test.each(["cut-request", "cut-answer"] as const)("%s has no answer, its connection is gone", async (fault) => {
    const answer = await ask(`/${fault}`).then(({ status }) => String(status), String)
    expect(answer).toContain("connection was closed")
    expect(done.includes(fault)).toBe(CALL_FAULTS[fault].done)
  })

  test.each(["http-500", "http-500-done"] as const)("%s is answered by a page under status 500", async (fault) => {
    const answer = await ask(`/${fault}`)
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining("<html>")])
    expect(done.includes(fault)).toBe(CALL_FAULTS[fault].done)
  })

  test.each(["lost-request", "lost-answer"] as const)("%s is not answered", async (fault) => {
    const waiting = new AbortController()
    const answer = fetch(`${server.origin}/${fault}`, { method: "POST", signal: waiting.signal })
    // Whatever is asked later is answered first.
    for (let later = 0; later < 3; later++) await ask("/plain")
    expect(Bun.peek.status(answer)).toBe("pending")
    waiting.abort()
    expect(await answer.then(({ status }) => String(status), String)).toContain("AbortError")
    expect(done.includes(fault)).toBe(CALL_FAULTS[fault].done)
  })

  test("half-answer gets half of the answer's bytes", async () => {
    const whole = "POST /half-answer 汉"
    const bytes = new Uint8Array(await (await ask("/half-answer")).arrayBuffer())
    expect(bytes).toEqual(new Uint8Array(Buffer.from(whole).subarray(0, Math.floor(Buffer.byteLength(whole) / 2))))
  })

  test("a fault that is not the wire's is performed as it is", async () => {
    expect((await ask("/other-amount")).status).toBe(201)
  })
})
