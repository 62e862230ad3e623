import { expect, test } from "bun:test"
import { makeSilentHosts } from "./silent-hosts.ts"

/** Hosts that left a push without an answer. */
const silentHosts = (count: number) => {
  const silent = makeSilentHosts()
  const names = Array.from({ length: count }, (_, n) => `host-${n}.example.com:443`)
  const push = (host: string, answered: boolean) => {
    const begun = silent.begin(host)
    begun.answered(answered)
    begun.end()
  }
  for (const name of names) push(name, false)
  return { silent, names, push }
}

test("silent hosts are busy once they have their part of the pushes, and no longer when one push has ended", () => {
  const { silent, names } = silentHosts(200)
  const begun = names.slice(0, 127).map(silent.begin)
  // A host that answers does not count.
  silent.begin("quick.example.com:443")
  expect(silent.busy()).toEqual([])
  const last = silent.begin(names[199] ?? "")
  expect(new Set(silent.busy())).toEqual(new Set(names))
  last.end()
  expect(silent.busy()).toEqual([])
  for (const one of begun) one.end()
})

test("a host that answers is silent no longer, and its push under way still ends as it began", () => {
  const { silent, names, push } = silentHosts(1)
  const host = names[0] ?? ""
  const begun = Array.from({ length: 128 }, () => silent.begin(host))
  push(host, true)
  expect(silent.busy()).toEqual([])
  push(host, false)
  expect(silent.busy()).toEqual([host])
  for (const one of begun) one.end()
  expect(silent.busy()).toEqual([])
})

test("the host that has been silent the longest is forgotten once there are too many", () => {
  const { silent, names, push } = silentHosts(2_048)
  push(names[0] ?? "", false)
  push("one-more.example.com:443", false)
  for (let n = 0; n < 128; n++) silent.begin("one-more.example.com:443")
  const busy = new Set(silent.busy())
  expect([busy.size, busy.has(names[0] ?? ""), busy.has(names[1] ?? "")]).toEqual([2_048, true, false])
})
