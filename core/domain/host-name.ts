import ipaddr from "ipaddr.js"

/**
 * Whether a host reaches this machine only: a loopback address, or `localhost` and the names below it.
 * @param host without a port; an IPv6 address with or without brackets
 */
export const isLoopbackHost = (host: string): boolean => {
  const name = bare(host)
  return ipaddr.isValid(name) ? ipaddr.process(name).range() === "loopback" : /^(.+\.)?localhost\.?$/i.test(name)
}

/**
 * Whether a stranger's name server could make this host point at us (DNS rebinding). Addresses are no names, and no
 * stranger can register a name without a dot or one below `localhost`.
 * @param host without a port; an IPv6 address with or without brackets
 */
export const isStrangersName = (host: string): boolean => {
  const name = bare(host)
  return !ipaddr.isValid(name) && !isLoopbackHost(name) && name.includes(".")
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, "")
