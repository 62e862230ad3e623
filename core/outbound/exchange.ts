import * as http from "node:http"
import * as https from "node:https"
import ipaddr from "ipaddr.js"
import { addressesOf } from "./addresses.ts"

/** One HTTP request to somebody else's server. */
export interface OutboundRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
  /** The addresses to connect to, already judged, at least one; absent = those that the name resolves to. */
  readonly addresses?: ReadonlyArray<string>
  readonly answerBytesMax: number
  /** Ends the exchange at any stage. */
  readonly signal: AbortSignal
}

export interface OutboundAnswer {
  readonly status: number
  /** Names in lower case; repeated headers joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** The answer is longer than `answerBytesMax`. */
export class AnswerTooLarge extends Error {}

/** No connection was made, so nothing was sent. */
export class NotConnected extends Error {
  override readonly name = "NotConnected"
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : "no connection", { cause })
  }
}

/**
 * Whether an error says that no connection was made. A time-out does not: Bun connects and sends on a thread of its own,
 * and this one may not have heard of it yet.
 */
const isRefusedConnection = (error: unknown): boolean =>
  error instanceof Error &&
  (("syscall" in error && error.syscall === "connect" && !("code" in error && error.code === "ETIMEDOUT")) ||
    ("code" in error && /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ConnectionRefused)$/.test(String(error.code))))

/**
 * Sends a request exactly once, on a connection of its own, and follows no redirect. `fetch` is not safe for money: on
 * Deno it repeats a POST by itself when a server cuts the connection, and on neither runtime can it be pinned to an
 * address. A kept-alive connection may be dead before it is used; with a fresh one it is known whether anything was
 * sent. Where nothing was, the receiver's next address is tried.
 * @throws NameUnresolved and NotConnected if nothing was sent; anything else leaves that open
 */
export const exchangeOnce = async (request: OutboundRequest): Promise<OutboundAnswer> => {
  const { url, signal } = request
  const host = url.hostname.replace(/^\[|\]$/g, "")
  const addresses =
    request.addresses ?? (ipaddr.isValid(host) ? [host] : await inTime(addressesOf(host, signal), signal))
  // The exchange has been given up meanwhile: nothing may be sent any more.
  if (signal.aborted) throw new Error("timed out")
  for (const address of addresses.slice(0, -1)) {
    try {
      return await exchangeAt(address, request)
    } catch (error) {
      if (!(error instanceof NotConnected) || signal.aborted) throw error
    }
  }
  return await exchangeAt(addresses.at(-1) ?? host, request)
}

/** Rejects once the exchange has been given up, however long the work goes on. */
export const inTime = <A>(work: Promise<A>, signal: AbortSignal): Promise<A> =>
  Promise.race([
    work,
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }))
  ])

const exchangeAt = (address: string, request: OutboundRequest): Promise<OutboundAnswer> =>
  new Promise((resolve, reject) => {
    const { url, signal } = request
    const secure = url.protocol === "https:"
    let connected = false
    const options: https.RequestOptions = {
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      path: url.pathname + url.search,
      method: request.method,
      agent: false,
      headers: {
        // Without this header every coding is allowed (RFC 9110, 12.5.3), and signatures cover the plain bytes.
        "accept-encoding": "identity",
        ...request.headers,
        ...(request.body === null ? {} : { "content-length": String(request.body.length) })
      }
    }
    options.lookup = (_name, { all }, done) => {
      const family = ipaddr.parse(address).kind() === "ipv6" ? 6 : 4
      if (all === true) (done as unknown as ListDone)(null, [{ address, family }])
      else done(null, address, family)
    }
    const outgoing = (secure ? https : http).request(options, (response) => {
      connected = true
      const chunks: Array<Buffer> = []
      let size = 0
      response.on("data", (chunk: Buffer) => {
        size += chunk.length
        if (size <= request.answerBytesMax) chunks.push(chunk)
        else outgoing.destroy(new AnswerTooLarge(`an answer over ${request.answerBytesMax} bytes`))
      })
      response.on("end", () => {
        if (!response.complete) return reject(new Error("the answer was cut off"))
        resolve({ status: response.statusCode ?? 0, headers: flat(response.headers), body: Buffer.concat(chunks) })
      })
      response.on("error", reject)
      response.on("aborted", () => reject(new Error("the answer was cut off")))
    })
    outgoing.on("error", (error) => reject(!connected && isRefusedConnection(error) ? new NotConnected(error) : error))
    outgoing.on("socket", (socket) =>
      socket.once("connect", () => {
        connected = true
      })
    )
    // The `signal` option of node:http leaves the answer's stream open on one of the runtimes.
    const giveUp = () => {
      outgoing.destroy(new Error("timed out"))
      reject(new Error("timed out"))
    }
    if (signal.aborted) return giveUp()
    signal.addEventListener("abort", giveUp, { once: true })
    outgoing.on("close", () => signal.removeEventListener("abort", giveUp))
    outgoing.end(request.body ?? undefined)
  })

type ListDone = (error: null, addresses: ReadonlyArray<{ readonly address: string; readonly family: number }>) => void

const flat = (headers: http.IncomingHttpHeaders): Record<string, string> => {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) texts[name] = Array.isArray(value) ? value.join(", ") : value
  }
  return texts
}
