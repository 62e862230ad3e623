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
  ["a socket's address", "203.0.113.9", undefined, "203.0.113.9"],
  ["a socket's, whatever a stranger claims", "203.0.113.9", "198.51.100.1", "203.0.113.9"],
  ["what a trusted proxy says", "10.1.2.3", "198.51.100.1", "198.51.100.1"],
  ["the right-most hop that is not a proxy", "10.1.2.3", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"],
  ["the proxy's own when all hops are proxies", "10.1.2.3", "10.4.4.4, 10.5.5.5", "10.1.2.3"],
  ["the proxy's own when the header is garbage", "10.1.2.3", "1.1.1.1, unknown", "10.1.2.3"],
  ["the proxy's own when it says nothing", "10.1.2.3", undefined, "10.1.2.3"],
  ["IPv4 that came as IPv6", "::ffff:203.0.113.9", undefined, "203.0.113.9"],
  ["IPv6 behind an IPv6 proxy", "fd00::1", "2001:db8::7", "2001:db8::7"]
])("the client's address is %s", (_what, socket, forwarded, expected) => {
  expect(clientAddress(request(socket, forwarded), PROXIES)).toBe(expected)
})

test("no proxy is trusted by default", () => {
  expect(clientAddress(request("127.0.0.1", "198.51.100.1"), [])).toBe("127.0.0.1")
})
