import ipaddr from "ipaddr.js"

/** Whether a text is an IP address or a CIDR range. */
export const isAddressRange = (text: string): boolean => {
  const [address = ""] = text.split("/")
  // ipaddr.js also accepts 1.2.3 and 010.0.0.1, as inet_aton does; such spellings are mistakes.
  const plain = address.includes(":") ? ipaddr.IPv6.isValid(address) : ipaddr.IPv4.isValidFourPartDecimal(address)
  return plain && (text.includes("/") ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text))
}

/** Whether an address is in one of the ranges. IPv4 inside IPv6 (`::ffff:1.2.3.4`) counts as IPv4. */
export const isInRanges = (ranges: ReadonlyArray<string>, address: string): boolean => {
  if (!ipaddr.isValid(address)) return false
  const client = ipaddr.process(address)
  return ranges.some((range) => {
    if (!range.includes("/")) return ipaddr.process(range).toNormalizedString() === client.toNormalizedString()
    const [network, bits] = ipaddr.parseCIDR(range)
    return network.kind() === client.kind() && client.match(network, bits)
  })
}

/**
 * Whose address it is, for counting: an IPv4 address stands for itself, an IPv6 address for its /64, of which a single
 * host has as many addresses as it likes. IPv4 inside IPv6 counts as IPv4; a text that is no address stands for itself.
 */
export const hostOf = (address: string): string => {
  if (!address.includes(":") || !ipaddr.isValid(address)) return address
  const host = ipaddr.process(address)
  if (!(host instanceof ipaddr.IPv6)) return host.toString()
  return `${host.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`
}
