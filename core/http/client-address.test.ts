import { expect, test } from "bun:test"
import { clientAddress, noteSocketAddress } from "./client-address.ts"

const request = (socket: string, forwarded?: string): Request => {
  const made = new Request("http://gateway/", {
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded }
  })
  noteSocketAddress(made, socket)
  return made
}

const PROXIES = ["10.0.0.0/8", "::1", "fd00::/8"]

test.each([
  ["the socket's", "203.0.113.9", undefined, "203.0.113.9"],
  ["the socket's, whatever a stranger claims", "203.0.113.9", "198.51.100.1", "203.0.113.9"],
  ["the one that a trusted proxy reports", "10.1.2.3", "198.51.100.1", "198.51.100.1"],
  ["the right-most hop that is not a proxy", "10.1.2.3", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"],
  ["the proxy's own if all hops are proxies", "10.1.2.3", "10.4.4.4, 10.5.5.5", "10.1.2.3"],
  ["the proxy's own if the header is garbage", "10.1.2.3", "1.1.1.1, unknown", "10.1.2.3"],
  ["the proxy's own if it reports nothing", "10.1.2.3", undefined, "10.1.2.3"],
  ["an IPv4 address with its port", "10.1.2.3", "198.51.100.1:51008", "198.51.100.1"],
  ["an IPv6 address in brackets", "10.1.2.3", "[2001:db8::7]", "2001:db8::7"],
  ["an IPv6 address with its port", "10.1.2.3", "[2001:db8::7]:51008", "2001:db8::7"],
  ["a quoted address", "10.1.2.3", '"[2001:db8::7]:51008"', "2001:db8::7"],
  ["a trusted hop with its port passed over", "10.1.2.3", "198.51.100.1:1, 10.9.9.9:443", "198.51.100.1"],
  ["the proxy's own if a port is all there is", "10.1.2.3", "198.51.100.1, :51008", "10.1.2.3"],
  ["written as IPv4 if it came as IPv4 in IPv6", "::ffff:203.0.113.9", undefined, "203.0.113.9"],
  ["the IPv6 address that an IPv6 proxy reports", "fd00::1", "2001:db8::7", "2001:db8::7"]
])("the client's address is %s", (_what, socket, forwarded, expected) => {
  expect(clientAddress(request(socket, forwarded), PROXIES)).toBe(expected)
})

test("no proxy is trusted by default", () => {
  expect(clientAddress(request("127.0.0.1", "198.51.100.1"), [])).toBe("127.0.0.1")
})
