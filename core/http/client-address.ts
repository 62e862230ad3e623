import ipaddr from "ipaddr.js"
import { isInRanges } from "../domain/address-range.ts"

/** Each request's socket address, noted by the server that received it (core/runtime.ts). */
const sockets = new WeakMap<Request, string>()

export const noteSocketAddress = (request: Request, address: string): void => void sockets.set(request, address)

/**
 * The client's address: the socket's, unless that is a trusted proxy's; then the right-most address in X-Forwarded-For
 * that is not a trusted proxy's (contract section 4). IPv4 in IPv6 is written as IPv4.
 */
export const clientAddress = (request: Request, trustedProxies: ReadonlyArray<string>): string => {
  const given = sockets.get(request) ?? "0.0.0.0"
  // A socket's IPv4 address is in its plain form already; only an IPv6 address needs to be normalised.
  const socket = given.includes(":") ? plain(given) : given
  if (trustedProxies.length === 0 || !isInRanges(trustedProxies, socket)) return socket
  const hops = (request.headers.get("x-forwarded-for") ?? "").split(",").map(addressOf)
  for (const hop of hops.reverse()) {
    // A trusted proxy writes addresses only, so everything from here to the left proves nothing.
    if (!ipaddr.isValid(hop)) return socket
    const address = plain(hop)
    if (!isInRanges(trustedProxies, address)) return address
  }
  return socket
}

/** The address of one hop: some proxies quote it, put IPv6 into brackets or add the port (RFC 7239 does all three). */
const addressOf = (hop: string): string => {
  const text = hop.trim().replace(/^"(.*)"$/, "$1")
  return /^\[(.*)\](:\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
}

const plain = (address: string): string => (ipaddr.isValid(address) ? ipaddr.process(address).toString() : address)
