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
  /** The address to connect to, already judged; absent = the addresses that the name resolves to. */
  readonly address?: string
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

/**
 * Sends a request exactly once, on a connection of its own, and follows no redirect. `fetch` is not safe for money: on
 * Deno it repeats a POST by itself when a server cuts the connection, and on neither runtime can it be pinned to an
 * address. A kept-alive connection may be dead before it is used; with a fresh one it is known whether anything was
 * sent.
 */
export const exchangeOnce = (request: OutboundRequest): Promise<OutboundAnswer> =>
  new Promise((resolve, reject) => {
    const { url, address, signal } = request
    const secure = url.protocol === "https:"
    const options: https.RequestOptions = {
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      path: url.pathname + url.search,
      method: request.method,
      agent: false,
      headers: {
        ...request.headers,
        ...(request.body === null ? {} : { "content-length": String(request.body.length) })
      }
    }
    options.lookup = (name, { all }, done) => {
      const addresses = address === undefined ? addressesOf(name, signal) : Promise.resolve([address])
      addresses.then(
        (found) => {
          // The exchange has been given up meanwhile: nothing may be sent any more.
          if (signal.aborted) return done(new Error("timed out"), "", 4)
          const list = found.map((one) => ({ address: one, family: ipaddr.parse(one).kind() === "ipv6" ? 6 : 4 }))
          if (all === true) (done as unknown as ListDone)(null, list)
          else done(null, list[0]?.address ?? "", list[0]?.family ?? 4)
        },
        (cause) => done(cause, "", 4)
      )
    }
    const outgoing = (secure ? https : http).request(options, (response) => {
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
    outgoing.on("error", reject)
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
