import ipaddr from "ipaddr.js"

/** Longest notify_url or callback_url, in characters (contract section 5). */
export const NOTIFY_URL_CHARS_MAX = 512

/**
 * Whether a URL is accepted as a webhook's destination (contract section 5): absolute http(s), without credentials, at
 * most NOTIFY_URL_CHARS_MAX characters, and not a literal address that is not public. Names, `localhost` too, are "ok"
 * here: `mayPushTo` judges the addresses they resolve to.
 * @param allow PAYHUB_WEBHOOK_ALLOW: addresses and CIDR ranges that are reached although they are not public
 */
export const checkNotifyUrl = (
  text: string,
  allow: ReadonlyArray<string>
): "ok" | "malformed" | "too-long" | "private" => {
  if ([...text].length > NOTIFY_URL_CHARS_MAX) return "too-long"
  // `new URL` trims, drops line breaks, and reads `http:host` and `\` as if they had `/`. What other programs would
  // read as another destination is refused.
  if (!/^https?:\/\/[^/?#@]+([/?#]|$)/i.test(text) || /[\s\\\p{Cc}\p{Cs}]/u.test(text) || !URL.canParse(text)) {
    return "malformed"
  }
  const { hostname } = new URL(text)
  // `new URL` normalises an address to four decimal parts, or to IPv6 in brackets. Anything else is a name.
  if (hostname.startsWith("[")) return mayPushTo(hostname.slice(1, -1), allow) ? "ok" : "private"
  return /^[\d.]+$/.test(hostname) && ipaddr.isValid(hostname) && !mayPushTo(hostname, allow) ? "private" : "ok"
}

/**
 * Whether a webhook may be sent to an address: it is public, or `allow` lists it. An IPv6 address that carries an IPv4
 * one (mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP) is judged by the IPv4 address.
 * @param address IPv4 or IPv6 as text, as a resolver gives it; any other text is refused
 */
export const mayPushTo = (address: string, allow: ReadonlyArray<string>): boolean => {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (isListed(parsed, allow)) return true
  if (!(parsed instanceof ipaddr.IPv6)) return isPublicV4(parsed as ipaddr.IPv4)
  const carried = carriedV4(parsed)
  // An address that carries others only leads to them; none of these prefixes is a unicast range of its own.
  return carried === undefined
    ? isPublicV6(parsed)
    : carried.every((inner) => isPublicV4(inner) || isListed(inner, allow))
}

/** Azure's metadata endpoint for virtual machines: an address that looks public. */
const METADATA = ["168.63.129.16"]

const isPublicV4 = (address: ipaddr.IPv4): boolean =>
  address.range() === "unicast" && !METADATA.includes(address.toString())

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3")

const isPublicV6 = (address: ipaddr.IPv6): boolean => address.range() === "unicast" && address.match(GLOBAL_UNICAST)

/** The IPv4 addresses in an IPv6 one; undefined = it carries none. */
const carriedV4 = (address: ipaddr.IPv6): ReadonlyArray<ipaddr.IPv4> | undefined => {
  const bytes = address.toByteArray()
  const at = (offset: number) => new ipaddr.IPv4(bytes.slice(offset, offset + 4))
  const begins = (...parts: ReadonlyArray<number>) => parts.every((part, index) => address.parts[index] === part)
  if (begins(0, 0, 0, 0, 0, 0xffff) || begins(0, 0, 0, 0, 0xffff, 0)) return [at(12)] // ::ffff:a.b.c.d, ::ffff:0:a.b.c.d
  if (begins(0, 0, 0, 0, 0, 0)) return [at(12)] // ::a.b.c.d, and so :: and ::1
  if (begins(0x64, 0xff9b, 0, 0, 0, 0)) return [at(12)] // NAT64, RFC 6052
  if (begins(0x2002)) return [at(2)] // 6to4, RFC 3056
  // Teredo, RFC 4380: the server, and the client with its bits inverted.
  if (begins(0x2001, 0)) return [at(4), new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff))]
  const isatap = (address.parts[4] === 0 || address.parts[4] === 0x200) && address.parts[5] === 0x5efe // RFC 5214
  return isatap && isPublicV6(address) ? [at(12)] : undefined
}

const isListed = (address: ipaddr.IPv4 | ipaddr.IPv6, allow: ReadonlyArray<string>): boolean =>
  allow.some((entry) => {
    const [range, bits] = entry.includes("/")
      ? ipaddr.parseCIDR(entry)
      : ([ipaddr.parse(entry), ipaddr.parse(entry).kind() === "ipv4" ? 32 : 128] as const)
    return range.kind() === address.kind() && address.match(range, bits)
  })

/**
 * A URL's receiver as `host:port`, with the scheme's port if the URL names none. Pushes are limited per receiver, so
 * that a slow one does not hold up the others.
 */
export const receiverOf = (url: string): string => {
  const { hostname, port, protocol } = new URL(url)
  return `${hostname}:${port === "" ? (protocol === "https:" ? "443" : "80") : port}`
}
