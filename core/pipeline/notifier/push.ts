import ipaddr from "ipaddr.js"
import { mayPushTo } from "../../domain/notify-url.ts"
import { addressesOf } from "../../outbound/addresses.ts"
import { exchangeOnce, inTime } from "../../outbound/exchange.ts"

/** Deadline of a push, with name look-up, connection and answer (contract section 9). */
export const PUSH_DEADLINE_MS = 15_000

/** Longest answer that is read: a longer one is not `success` with white space around it. */
const ANSWER_BYTES_MAX = 65_536

/** Characters of an answer that are kept for the operator. */
const DETAIL_CHARS = 256

export interface Push {
  readonly url: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** Addresses and CIDR ranges that may be reached although they are not public. */
  readonly allow: ReadonlyArray<string>
  /** URL of the gateway's own receiver: the one local URL that is always allowed. */
  readonly own: string
  /** Resolves a name to all its addresses; absent = `addressesOf`. */
  readonly resolve?: typeof addressesOf
}

export interface PushResult {
  readonly delivered: boolean
  /** null = no answer. */
  readonly status: number | null
  readonly detail: string
}

/**
 * Sends one webhook; never rejects. The name is resolved once and the connection is pinned to the address that was
 * judged, so that a name cannot resolve to one address for the check and to another for the socket. Redirects are not
 * followed.
 */
export const pushWebhook = async (push: Push): Promise<PushResult> => {
  // Not AbortSignal.timeout: on Deno its timer keeps an otherwise idle process alive until it fires.
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(new Error("timed out")), PUSH_DEADLINE_MS)
  const deadline = abort.signal
  try {
    const url = new URL(push.url)
    const addresses = await judgedAddresses(url, push, deadline)
    if ("delivered" in addresses) return addresses
    const answer = await exchangeOnce({
      method: "POST",
      url,
      headers: push.headers,
      body: Buffer.from(push.body),
      addresses,
      answerBytesMax: ANSWER_BYTES_MAX,
      signal: deadline
    })
    const { status } = answer
    const text = answer.body.toString("utf8")
    return { delivered: status === 200 && text.trim() === "success", status, detail: text.slice(0, DETAIL_CHARS) }
  } catch (error) {
    return { delivered: false, status: null, detail: reasonOf(error, deadline) }
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The addresses to connect to, or the result of a push that may not be sent. Every address of the name must be allowed.
 */
const judgedAddresses = async (
  url: URL,
  push: Push,
  signal: AbortSignal
): Promise<ReadonlyArray<string> | PushResult> => {
  const name = url.hostname.replace(/^\[|\]$/g, "")
  const addresses = ipaddr.isValid(name) ? [name] : await inTime((push.resolve ?? addressesOf)(name, signal), signal)
  const own = push.url === push.own
  const forbidden = own ? undefined : addresses.find((address) => !mayPushTo(address, push.allow))
  if (forbidden !== undefined) {
    return { delivered: false, status: null, detail: `destination ${forbidden} is not public and not allowed` }
  }
  return addresses.length > 0 ? addresses : { delivered: false, status: null, detail: `${name} has no address` }
}

const reasonOf = (error: unknown, deadline: AbortSignal): string => {
  if (deadline.aborted) return `no complete answer within ${PUSH_DEADLINE_MS / 1000} s`
  if (!(error instanceof Error)) return "unknown failure"
  const code = "code" in error && typeof error.code === "string" ? `${error.code}: ` : ""
  return `${code}${error.message}`.slice(0, DETAIL_CHARS)
}
