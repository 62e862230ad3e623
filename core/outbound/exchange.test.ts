import { afterEach, expect, test } from "bun:test"
import type { Server } from "node:http"
import { createServer as createTcpServer } from "node:net"
import { type Loopback, listenOnLoopback, startLoopback } from "../../tests/harness/loopback.ts"
import { exchangeOnce, NotConnected } from "./exchange.ts"

const open: Array<Loopback> = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

const loopback = async (...given: Parameters<typeof startLoopback>): Promise<Loopback> => {
  const server = await startLoopback(...given)
  open.push(server)
  return server
}

const post = (port: number, addresses: ReadonlyArray<string>) =>
  exchangeOnce({
    method: "POST",
    url: new URL(`http://shop.example:${port}/hook`),
    headers: {},
    body: Buffer.from("paid"),
    addresses,
    answerBytesMax: 1_000,
    signal: AbortSignal.timeout(10_000)
  })

test("where an address takes no connection, the next one gets the request", async () => {
  const server = await loopback((_, response) => response.end("success"))
  // Nothing listens on this port of the other loopback addresses.
  const answer = await post(server.port, ["127.0.0.2", "127.0.0.3", "127.0.0.1"])
  expect(answer.body.toString()).toBe("success")
})

test("where no address takes a connection, nothing was sent", async () => {
  const server = await loopback()
  await expect(post(server.port, ["127.0.0.2", "127.0.0.3"])).rejects.toBeInstanceOf(NotConnected)
})

test("a connection that was made and cut may have taken the request, so no other address gets it", async () => {
  let cut = 0
  const cutter = createTcpServer((socket) =>
    socket.once("data", () => {
      cut++
      socket.destroy()
    })
  )
  const port = await listenOnLoopback(cutter as unknown as Server)
  const error = await post(port, ["127.0.0.1", "127.0.0.1"]).catch((failed: unknown) => failed)
  expect(error).toBeInstanceOf(Error)
  expect(error).not.toBeInstanceOf(NotConnected)
  expect(cut).toBe(1)
  cutter.close()
})

test("a receiver is told to answer uncompressed", async () => {
  let asked: string | undefined
  const server = await loopback((request, response) => {
    asked = request.headers["accept-encoding"]
    response.end("success")
  })
  await post(server.port, ["127.0.0.1"])
  expect(asked).toBe("identity")
})
