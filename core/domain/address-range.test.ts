import { expect, test } from "bun:test"
import { hostOf } from "./address-range.ts"

test.each([
  ["203.0.113.7", "203.0.113.7"],
  ["::ffff:203.0.113.7", "203.0.113.7"],
  ["::ffff:cb00:7107", "203.0.113.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["no: address", "no: address"]
])("for counting, %s is %s", (address, host) => {
  expect(hostOf(address)).toBe(host)
})

test.each([
  ["203.0.113.9", "203.0.113.9", true],
  ["203.0.113.9", "203.0.113.10", false],
  ["203.0.113.9", "::ffff:203.0.113.9", true],
  ["::ffff:203.0.113.9", "::ffff:203.0.113.10", false],
  ["2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", true],
  ["2001:db8:1:2::1", "2001:db8:1:3::1", false]
])("%s and %s are one client: %p", (one, other, expected) => {
  expect(hostOf(one) === hostOf(other)).toBe(expected)
})
