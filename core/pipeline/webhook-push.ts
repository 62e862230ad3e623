import { lookup } from "node:dns/promises"
import * as http from "node:http"
import * as https from "node:https"
import ipaddr from "ipaddr.js"
import { mayPushTo } from "../domain/notify-url.ts"

/** A push takes no longer, name look-up, connection and answer included (contract section 9). */
export const PUSH_DEADLINE_MS = 15_000

/** More of an answer than this cannot be `success` with white space around it. */
const ANSWER_BYTES_MAX = 65_536

/** How much of an answer is kept for the operator. */
const DETAIL_CHARS = 256

export interface Push {
  readonly url: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** Addresses and ranges that are reached although they are not public. */
  readonly allow: ReadonlyArray<string>
  /** The gateway's own receiver: the one local URL that is always allowed. */
  readonly own: string
}

export interface PushResult {
  readonly delivered: boolean
  /** null = no answer. */
  readonly status: number | null
  readonly detail: string
}

/**
 * Sends one webhook. The name is resolved once and the connection pinned to what was judged, so that a name cannot
 * answer one address to the judge and another to the socket. Redirects are not followed. `fetch` cannot pin an address
 * on either runtime; node's client can.
 */
export const pushWebhook = async (push: Push): Promise<PushResult> => {
  const deadline = AbortSignal.timeout(PUSH_DEADLINE_MS)
  try {
    const url = new URL(push.url)
    const address = await judgedAddress(url, push, deadline)
    if (typeof address !== "string") return address
    const { status, text } = await post(url, address, push, deadline)
    return { delivered: status === 200 && text.trim() === "success", status, detail: text.slice(0, DETAIL_CHARS) }
  } catch (error) {
    return { delivered: false, status: null, detail: reasonOf(error, deadline) }
  }
}

/** The one address to connect to, or why there is none. Of several, all must be allowed. */
const judgedAddress = async (url: URL, push: Push, signal: AbortSignal): Promise<string | PushResult> => {
  const name = url.hostname.replace(/^\[|\]$/g, "")
  const addresses = ipaddr.isValid(name) ? [name] : await resolve(name, signal)
  const own = push.url === push.own
  const forbidden = own ? undefined : addresses.find((address) => !mayPushTo(address, push.allow))
  if (forbidden !== undefined) {
    return { delivered: false, status: null, detail: `destination ${forbidden} is not public and not allowed` }
  }
  return addresses[0] ?? { delivered: false, status: null, detail: `${name} has no address` }
}

const resolve = async (name: string, signal: AbortSignal): Promise<ReadonlyArray<string>> => {
  const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  const found = await Promise.race([lookup(name, { all: true, verbatim: false }), aborted])
  return found.map(({ address }) => address)
}

const post = (url: URL, address: string, push: Push, signal: AbortSignal) =>
  new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const secure = url.protocol === "https:"
    const body = Buffer.from(push.body)
    const request = (secure ? https : http).request(
      {
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[|\]$/g, ""),
        port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
        path: url.pathname + url.search,
        method: "POST",
        agent: false,
        headers: { ...push.headers, "content-length": String(body.length) },
        lookup: (_name, options, done) => {
          const family = ipaddr.parse(address).kind() === "ipv6" ? 6 : 4
          if (options.all === true) (done as unknown as ListDone)(null, [{ address, family }])
          else done(null, address, family)
        }
      },
      (response) => {
        const chunks: Array<Buffer> = []
        let size = 0
        response.on("data", (chunk: Buffer) => {
          size += chunk.length
          if (size <= ANSWER_BYTES_MAX) chunks.push(chunk)
          else request.destroy(new Error(`an answer over ${ANSWER_BYTES_MAX} bytes`))
        })
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") })
        )
        response.on("error", reject)
        response.on("aborted", () => reject(new Error("the answer was cut off")))
      }
    )
    request.on("error", reject)
    // node's own `signal` option leaves the answer's stream open on one of the runtimes.
    signal.addEventListener("abort", () => request.destroy(new Error("timed out")), { once: true })
    request.end(body)
  })

type ListDone = (error: null, addresses: ReadonlyArray<{ address: string; family: number }>) => void

const reasonOf = (error: unknown, deadline: AbortSignal): string => {
  if (deadline.aborted) return `no complete answer within ${PUSH_DEADLINE_MS / 1000} s`
  if (!(error instanceof Error)) return "unknown failure"
  const code = "code" in error && typeof error.code === "string" ? `${error.code}: ` : ""
  return `${code}${error.message}`.slice(0, DETAIL_CHARS)
}
