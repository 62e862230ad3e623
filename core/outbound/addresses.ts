import { lookup, Resolver } from "node:dns/promises"
import { readFileSync } from "node:fs"

/** DNS queries: two tries of 2,000 ms, about 6 s in all if no server answers; a push and a charge have 15 s. */
const QUERY = { timeout: 2_000, tries: 2 }

/** A name has no address, or none could be found: nothing was sent. */
export class NameUnresolved extends Error {
  override readonly name = "NameUnresolved"
  readonly code: string
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : "no address")
    this.code = cause instanceof Error && "code" in cause ? String(cause.code) : "ENODATA"
  }
}

/**
 * All addresses of a name, IPv4 first, at least one; throws NameUnresolved. The system's resolver (`lookup`) blocks one
 * of the few threads that a runtime has for names and files: on two cores, two names whose servers were silent held up
 * every other name and every file for 20 s on Bun, about thirty names did on Deno. So DNS is queried without a thread,
 * and the system's resolver is left with names without a dot, names of the hosts file and, one at a time, names that
 * DNS does not have (search domains).
 * @param signal cancels a look-up that waits for its turn at the system's resolver
 */
export const addressesOf = async (name: string, signal: AbortSignal): Promise<ReadonlyArray<string>> => {
  try {
    if (!name.includes(".") || isInHostsFile(name)) return await systemAddresses(name)
    const resolver = new Resolver(QUERY)
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
    const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []))
    if (addresses.length > 0) return addresses
    const failed = answers.find((answer) => answer.status === "rejected" && !isAbsent(answer.reason))
    if (failed?.status === "rejected") throw failed.reason
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

/** Whether DNS says that the name does not exist or has no address of that family. */
const isAbsent = (reason: unknown): boolean =>
  reason instanceof Error && "code" in reason && (reason.code === "ENOTFOUND" || reason.code === "ENODATA")

/** Reads the file on each call, as the system does, and synchronously, so that it does not wait for a thread. */
const isInHostsFile = (name: string): boolean => {
  try {
    return readFileSync("/etc/hosts", "utf8").toLowerCase().split(/\s+/).includes(name)
  } catch {
    return false
  }
}

let last: Promise<unknown> = Promise.resolve()

/** Runs one at a time: each begins when the one before has ended, failed or not. */
const inTurn = <A>(work: () => Promise<A>): Promise<A> => {
  const mine = last.then(work)
  last = mine.catch(() => undefined)
  return mine
}
