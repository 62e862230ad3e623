import { lookup, Resolver } from "node:dns/promises"
import { readFileSync } from "node:fs"

/** Two questions of two seconds, about six in all where nobody answers: a push and a charge have fifteen. */
const QUESTION = { timeout: 2_000, tries: 2 }

/** A name has no address, or nobody says which: whatever was to be sent there was not. */
export class NameUnresolved extends Error {
  override readonly name = "NameUnresolved"
  readonly code: string
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : "no address")
    this.code = cause instanceof Error && "code" in cause ? String(cause.code) : "ENODATA"
  }
}

/**
 * All addresses of a name, IPv4 first, one at least. The system's resolver (`lookup`) waits in one of the few threads
 * that a runtime has for names and files: on two cores two names whose servers were silent held up every other name, and
 * every file, for 20 s on Bun; some thirty did on Deno. So DNS is asked without a thread, and the system about what is
 * its own: names without a dot, those of the hosts file and, one after the other, those that DNS does not have (search
 * domains).
 * @param signal ends the wait for the others
 */
export const addressesOf = async (name: string, signal: AbortSignal): Promise<ReadonlyArray<string>> => {
  try {
    if (!name.includes(".") || isInHostsFile(name)) return await systemAddresses(name)
    const resolver = new Resolver(QUESTION)
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
    const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []))
    if (addresses.length > 0) return addresses
    const trouble = answers.find((answer) => answer.status === "rejected" && !isAbsent(answer.reason))
    if (trouble?.status === "rejected") throw trouble.reason
    return await inTurn(() => {
      signal.throwIfAborted()
      return systemAddresses(name)
    })
  } catch (cause) {
    throw new NameUnresolved(cause)
  }
}

const systemAddresses = async (name: string): Promise<ReadonlyArray<string>> =>
  (await lookup(name, { all: true, verbatim: false })).map(({ address }) => address)

/** There is no such name, or it has no address of that kind. */
const isAbsent = (reason: unknown): boolean =>
  reason instanceof Error && "code" in reason && (reason.code === "ENOTFOUND" || reason.code === "ENODATA")

/** Read each time, as the system does; by no thread, lest it wait for one. */
const isInHostsFile = (name: string): boolean => {
  try {
    return readFileSync("/etc/hosts", "utf8").toLowerCase().split(/\s+/).includes(name)
  } catch {
    return false
  }
}

let last: Promise<unknown> = Promise.resolve()

/** Whatever becomes of one, the next begins when it has ended. */
const inTurn = <A>(work: () => Promise<A>): Promise<A> => {
  const mine = last.then(work)
  last = mine.catch(() => undefined)
  return mine
}
