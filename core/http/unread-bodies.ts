import { hostOf } from "../domain/address-range.ts"

export interface UnreadLimits {
  /** Bodies of one client: an IPv4 address or an IPv6 /64. */
  readonly ofOne: number
  /** Bodies of all clients. Each may hold 64 KiB, so this bounds the memory. */
  readonly ofAll: number
}

/**
 * A body that comes with its head is read in the same turn, so only slow senders are ever many. The bound of one leaves
 * room for a shop whose line stalls; the bound of all, for eight hostile addresses beside everybody else.
 */
export const UNREAD_LIMITS: UnreadLimits = { ofOne: 512, ofAll: 4_096 }

/** The place of a body that is awaited. */
interface Place {
  readonly network: string
  readonly giveUp: () => void
}

/**
 * The bodies that the gateway waits for. Over a bound, the body that has been awaited longest is given up and not the
 * newcomer: a client that holds bodies back loses them, and one that sends at once is served whatever the others do.
 */
export class UnreadBodies {
  readonly #limits: UnreadLimits
  readonly #isProxy: (address: string) => boolean
  /** Sets keep the order of arrival. */
  readonly #all = new Set<Place>()
  readonly #byNetwork = new Map<string, Set<Place>>()

  /** @param isProxy whether an address is a trusted proxy's: that is many clients, so only the bound of all holds for it */
  constructor(limits: UnreadLimits, isProxy: (address: string) => boolean) {
    this.#limits = limits
    this.#isProxy = isProxy
  }

  get count(): number {
    return this.#all.size
  }

  /** How many networks have a body here. */
  get networks(): number {
    return this.#byNetwork.size
  }

  /**
   * @param client the address of the sender
   * @param giveUp ends the reading without the bytes
   */
  enter(client: string, giveUp: () => void): Place {
    const place = { network: hostOf(client), giveUp }
    this.#all.add(place)
    let own = this.#byNetwork.get(place.network)
    if (own === undefined) {
      own = new Set()
      this.#byNetwork.set(place.network, own)
    }
    own.add(place)
    if (own.size > this.#limits.ofOne && !this.#isProxy(client)) this.#giveUpOldest(own)
    if (this.#all.size > this.#limits.ofAll) this.#giveUpOldest(this.#all)
    return place
  }

  /** Does nothing for a body that was given up. */
  leave(place: Place): void {
    if (!this.#all.delete(place)) return
    const own = this.#byNetwork.get(place.network)
    own?.delete(place)
    if (own?.size === 0) this.#byNetwork.delete(place.network)
  }

  #giveUpOldest(places: Set<Place>): void {
    const [oldest] = places
    if (oldest === undefined) return
    this.leave(oldest)
    oldest.giveUp()
  }
}
