import { expect, test } from "bun:test"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { type ServerLimits, serveOnNode } from "./node-server.ts"

const LIMITS: ServerLimits = {
  headMs: 20_000,
  requestMs: 40_000,
  idleMs: 75_000,
  headBytes: 16_384,
  connections: 100,
  connectionsOfOne: 3
}

const open = (isProxy: (address: string) => boolean = () => false) =>
  serveOnNode(
    { hostname: "127.0.0.1", port: 0, reusePort: false, isProxy, fetch: () => new Response("ok") },
    LIMITS,
    () => new Response(null, { status: 500 })
  )

/** A connection from an address, once the server has answered on it; null = the server has closed it. */
const answered = async (port: number, localAddress: string): Promise<Socket | null> => {
  const socket = connect({ port, host: "127.0.0.1", localAddress })
  socket.write("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")
  const closed = once(socket, "close").then(
    () => null,
    () => null
  )
  return (await Promise.race([once(socket, "data"), closed]).catch(() => null)) === null ? null : socket
}

test("one client has so many connections and no more, until one of them ends; another client is not concerned", async () => {
  const server = await open()
  const sockets: Array<Socket | null> = []
  for (let i = 0; i < LIMITS.connectionsOfOne; i++) sockets.push(await answered(server.port, "127.0.0.2"))
  expect(sockets).not.toContain(null)
  expect(await answered(server.port, "127.0.0.2")).toBeNull()
  const other = await answered(server.port, "127.0.0.3")
  expect(other).not.toBeNull()
  sockets[0]?.end()
  let again: Socket | null = null
  while (again === null) again = await answered(server.port, "127.0.0.2")
  for (const socket of [...sockets, other, again]) socket?.destroy()
  await server.stop()
})

test("a trusted proxy's connections are many clients' and not bounded as one's", async () => {
  const server = await open((address) => address === "127.0.0.2")
  const sockets: Array<Socket | null> = []
  for (let i = 0; i < 2 * LIMITS.connectionsOfOne; i++) sockets.push(await answered(server.port, "127.0.0.2"))
  expect(sockets).not.toContain(null)
  for (const socket of sockets) socket?.destroy()
  await server.stop()
})
