import { expect, test } from "bun:test"
import { isLoopbackHost, isStrangersName } from "./host-name.ts"

const LOOPBACK = ["localhost", "LOCALHOST", "app.localhost", "localhost.", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]
const OTHER_ADDRESSES = ["0.0.0.0", "192.168.1.5", "203.0.113.7", "[2001:db8::1]", "::", "[::ffff:10.0.0.1]"]
const NAMES = ["payhub", "gateway"]
const STRANGERS = [
  "evil.example",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "notlocalhost.com",
  "127.0.0.1.nip.io"
]

test("loopback is the loopback addresses, localhost and the names below it", () => {
  for (const host of [...LOOPBACK, "::ffff:127.0.0.1"]) expect([host, isLoopbackHost(host)]).toEqual([host, true])
  for (const host of [...OTHER_ADDRESSES, ...NAMES, ...STRANGERS]) {
    expect([host, isLoopbackHost(host)]).toEqual([host, false])
  }
})

test("a stranger's name server can answer for names with a dot only", () => {
  for (const host of STRANGERS) expect([host, isStrangersName(host)]).toEqual([host, true])
  for (const host of [...LOOPBACK, ...OTHER_ADDRESSES, ...NAMES]) {
    expect([host, isStrangersName(host)]).toEqual([host, false])
  }
})
