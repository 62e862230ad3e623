import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { spawn } from "node:child_process"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { networkInterfaces } from "node:os"
import { join, resolve } from "node:path"
import { checkNotifyUrl } from "../../core/domain/notify-url.ts"
import type { PushResult } from "../../core/pipeline/notifier/push.ts"
import { type Gateway, startGateway, testRuntime } from "../harness/gateway.ts"
import { actAsPayer } from "../harness/payer.ts"
import { until } from "../harness/until.ts"
import type { Attempt } from "./ssrf.fixture.ts"

/*
 * A merchant chooses where webhooks go, and the gateway stands in a network that merchants must not reach. One listener
 * takes connections to every address of this machine: any connection except to the allowed address is a failure.
 */

setDefaultTimeout(60_000)

/** The one address that is allowed. The tests use no public network. */
const ALLOWED = "127.0.0.2"

let listener: Server
let port: number
/** The local addresses of all connections. */
let connections: Array<string> = []
let reply: { readonly status: number; readonly headers: Record<string, string> } = { status: 200, headers: {} }

const sockets = new Set<Socket>()

beforeAll(async () => {
  // Not node:http, because a connection that says nothing or speaks TLS counts too.
  listener = createServer((socket) => {
    connections.push(socket.localAddress ?? "")
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("close", () => sockets.delete(socket))
    socket.once("data", () => {
      const headers = Object.entries(reply.headers).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.end(`HTTP/1.1 ${reply.status} Reply\r\nContent-Length: 7\r\n${headers.join("")}\r\nsuccess`)
    })
  })
  // All interfaces, IPv4 and IPv6.
  await new Promise<void>((done) => listener.listen({ port: 0, host: "::", ipv6Only: false }, done))
  port = (listener.address() as AddressInfo).port
})
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  listener?.close()
})
beforeEach(() => {
  connections = []
  reply = { status: 200, headers: {} }
})

const forbiddenConnections = (): ReadonlyArray<string> => connections.filter((address) => !address.endsWith(ALLOWED))

/** Runs pushes in a process of the runtime under test. */
const push = (attempts: ReadonlyArray<Attempt>): Promise<ReadonlyArray<PushResult & { readonly asked: number }>> =>
  new Promise((done, fail) => {
    const root = resolve(import.meta.dirname, "../..")
    const program = join(root, "node_modules/.bin", testRuntime())
    const args = [...(testRuntime() === "deno" ? ["run", "-A"] : []), join(import.meta.dirname, "ssrf.fixture.ts")]
    const child = spawn(program, args, { cwd: root, stdio: ["pipe", "pipe", "inherit"] })
    let out = ""
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString("utf8")
    })
    child.on("close", (code) => (code === 0 ? done(JSON.parse(out)) : fail(new Error(`ended with ${code}: ${out}`))))
    child.stdin.end(JSON.stringify(attempts))
  })

const attempt = (url: string, answers?: ReadonlyArray<ReadonlyArray<string>>): Attempt => ({
  url,
  allow: [ALLOWED],
  own: `http://127.0.0.1:${port}/demo/webhook`,
  ...(answers === undefined ? {} : { answers })
})

/** Hosts: every notation of this machine's own addresses, and addresses elsewhere that must not be reached. */
const LITERALS = [
  // The loopback in every notation that URL parsers and inet_aton accept.
  "127.0.0.1",
  "127.0.0.1.",
  "127.1",
  "127.0.1",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "0x7F.0x0.0x0.0x1",
  "017700000001",
  "0177.0.0.1",
  "0177.0.0.01",
  "127.000.000.001",
  "%31%32%37.0.0.1",
  "１２７.０.０.１",
  "①②⑦.⓪.⓪.①",
  "127。0。0。1",
  "127.0.0.3",
  "127.255.255.254",
  "0",
  "0.0.0.0",
  "0x0",
  // The same in IPv6.
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[0000:0000:0000:0000:0000:0000:0000:0001]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[0:0:0:0:0:ffff:127.0.0.1]",
  "[::127.0.0.1]",
  "[::ffff:0:127.0.0.1]",
  "[64:ff9b::127.0.0.1]",
  "[64:ff9b::7f00:1]",
  "[64:ff9b:1::7f00:1]",
  "[2002:7f00:1::]",
  "[2001:0:7f00:1::1]",
  "[2001:0:808:808::80ff:fffe]",
  "[2001:db8::5efe:7f00:1]",
  // Private, shared, link-local and metadata.
  "10.0.0.1",
  "10.255.255.255",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "0xc0a80001",
  "3232235521",
  "100.64.0.1",
  "100.100.100.200",
  "169.254.169.254",
  "0xa9fea9fe",
  "2852039166",
  "[::ffff:169.254.169.254]",
  "[64:ff9b::a9fe:a9fe]",
  "[fd00:ec2::254]",
  "168.63.129.16",
  "192.0.0.192",
  // Not unicast, or reserved.
  "192.0.2.1",
  "198.18.0.1",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "[fe80::1]",
  "[fec0::1]",
  "[fc00::1]",
  "[fdff::1]",
  "[ff02::1]",
  "[2001:db8::1]",
  "[100::1]"
]

describe("what is never connected to", () => {
  test("the listener sees connections to every address", async () => {
    for (const host of ["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"]) {
      const socket = connect(port, host)
      await new Promise((done) => socket.once("connect", done).once("error", done))
      socket.destroy()
    }
    await until("four connections", () => connections.length >= 4)
    expect(connections.map((address) => address.replace("::ffff:", "")).sort()).toEqual([
      "127.0.0.1",
      "127.0.0.2",
      "127.0.0.3",
      "::1"
    ])
  })

  test(`${LITERALS.length} literal addresses, over http and https`, async () => {
    const own = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .map(({ address, family }) => (family === "IPv6" ? `[${address}]` : address))
    const urls = [...LITERALS, ...own].flatMap((host) => [
      `http://${host}:${port}/hook`,
      `https://${host}:${port}/hook`
    ])
    expect(LITERALS.length).toBeGreaterThanOrEqual(60)
    const results = await push(urls.filter((url) => URL.canParse(url)).map((url) => attempt(url)))
    const reached = results.filter(({ detail }) => !/ is not public and not allowed$/.test(detail))
    expect(reached).toEqual([])
    expect(connections).toEqual([])
  })

  test("the same literals are refused when the order is placed, not only when it is pushed", () => {
    const taken = LITERALS.filter((host) => checkNotifyUrl(`http://${host}:${port}/hook`, [ALLOWED]) === "ok")
    expect(taken).toEqual([])
  })

  test("ports make no difference", async () => {
    const urls = ["", ":1", ":22", ":80", ":443", ":5432", ":6379", ":65535"].map((end) => `http://127.0.0.1${end}/`)
    for (const { detail } of await push(urls.map((url) => attempt(url)))) expect(detail).toContain("is not public")
  })

  test("names that resolve to such addresses, alone or beside an allowed one, in any order", async () => {
    const addresses = LITERALS.map((host) => host.replace(/^\[|\]$/g, "")).filter((host) => /^[\d.]+$|:/.test(host))
    const plain = addresses.filter((host) => /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(":"))
    const answers = plain.flatMap((address) => [[address], [ALLOWED, address], [address, ALLOWED]])
    const results = await push(answers.map((answer) => attempt(`http://shop.example.com:${port}/hook`, [answer])))
    expect(results.filter(({ detail }) => !detail.includes("is not public and not allowed"))).toEqual([])
    expect(connections).toEqual([])
  })

  test("a name without an address, and names that resolve to no address text", async () => {
    const url = `http://shop.example.com:${port}/hook`
    const results = await push([
      attempt(url, [[]]),
      attempt(url, [["localhost"]]),
      attempt(url, [[""]]),
      attempt(url, [["127.0.0.1%lo"]])
    ])
    expect(results.filter(({ delivered, status }) => delivered || status !== null)).toEqual([])
    expect(connections).toEqual([])
  })

  test("localhost by the system's own resolver", async () => {
    const names = ["localhost", "LOCALHOST", "localhost.", "ip6-localhost", "app.localhost"]
    const results = await push(names.map((name) => attempt(`http://${name}:${port}/hook`)))
    expect(results.filter(({ status }) => status !== null)).toEqual([])
    expect(connections).toEqual([])
  })

  test("a name that is allowed when it is judged and private when it is resolved again", async () => {
    const url = `http://rebind.example.com:${port}/hook`
    for (const later of ["127.0.0.1", "::1", "169.254.169.254"]) {
      const [first] = await push([attempt(url, [[ALLOWED], [later]])])
      // Resolved once: the judged address is the one that was connected to.
      expect(first).toMatchObject({ delivered: true, asked: 1 })
    }
    expect(forbiddenConnections()).toEqual([])
    expect(connections.length).toBe(3)
  })

  const redirects = [301, 302, 303, 307, 308, 300, 201].flatMap((status) =>
    ["127.0.0.1", "[::1]", "localhost", "0x7f000001"].map((host) => [status, host] as const)
  )
  test.each(redirects)("a redirect (%s) to %s is not followed", async (status, host) => {
    const location = `http://${host}:${port}/secret`
    reply = { status, headers: { location, refresh: `0; url=${location}`, "content-location": location } }
    const [result] = await push([attempt(`http://${ALLOWED}:${port}/hook`)])
    expect(result).toMatchObject({ delivered: false, status })
    expect(forbiddenConnections()).toEqual([])
    expect(connections).toHaveLength(1)
  })

  test("the gateway's own receiver is one URL and no other", async () => {
    const own = `127.0.0.1:${port}`
    const near = [
      `http://${own}/`,
      `http://${own}/demo/webhook/`,
      `http://${own}/demo/webhook?x`,
      `http://${own}/demo/webhook#x`,
      `http://${own}/demo/webhook/../../metrics`,
      `http://${own}/demo/webhoo%6b`,
      `https://${own}/demo/webhook`,
      `http://localhost:${port}/demo/webhook`,
      `http://127.1:${port}/demo/webhook`
    ]
    const results = await push(near.map((url) => attempt(url)))
    expect(results.filter(({ status }) => status !== null)).toEqual([])
    expect(connections).toEqual([])
    expect(await push([attempt(`http://${own}/demo/webhook`)])).toMatchObject([{ delivered: true }])
  })
})

describe("what is allowed", () => {
  test("a listed address, and a name that resolves to it", async () => {
    const results = await push([
      attempt(`http://${ALLOWED}:${port}/hook`),
      attempt(`http://shop.example.com:${port}/hook`, [[ALLOWED]])
    ])
    expect(results).toMatchObject([{ delivered: true }, { delivered: true }])
  })
})

describe("the whole gateway", () => {
  let gateway: Gateway
  beforeAll(async () => {
    gateway = await startGateway({ env: { PAYHUB_WEBHOOK_ALLOW: ALLOWED, PAYHUB_WEBHOOK_SCHEDULE: "1" } })
  })
  afterAll(() => gateway?.stop())

  test("refuses literals with 422 when the order is placed, and a private name when its webhook is pushed", async () => {
    const shop = await gateway.merchant()
    for (const host of LITERALS) {
      const answer = await shop.qrcodePay({ notify_url: `http://${host}:${port}/hook` })
      expect([host, answer.code]).toEqual([host, 422])
    }
    const order = await shop.qrcodePay({ notify_url: `http://localhost:${port}/hook` })
    expect(order.code).toBe(200)
    const well = await shop.qrcodePay({ notify_url: `http://${ALLOWED}:${port}/hook` })
    await actAsPayer(order)
    await actAsPayer(well)
    await until("the allowed address to be reached", () => connections.some((address) => address.endsWith(ALLOWED)))
    await until("the private address to be refused", async () =>
      JSON.stringify(await gateway.command(["webhook", "list"])).includes("is not public and not allowed")
    )
    expect(forbiddenConnections()).toEqual([])
  })
})
