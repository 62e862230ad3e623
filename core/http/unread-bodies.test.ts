import { expect, test } from "bun:test"
import fc from "fast-check"
import { UnreadBodies } from "./unread-bodies.ts"

const LIMITS = { ofOne: 3, ofAll: 8 }
const PROXY = "10.0.0.1"
const CLIENTS = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", PROXY]

test("gives up what a plain list would: a client's oldest over its bound, else the oldest of all, never a proxy's own bound", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ enters: fc.constantFrom(...CLIENTS) }),
      // Leaving twice, or after having been given up, must change nothing.
      fc.record({ leaves: fc.nat({ max: 60 }) })
    ),
    { maxLength: 200 }
  )
  fc.assert(
    fc.property(steps, (all) => {
      const unread = new UnreadBodies(LIMITS, (address) => address === PROXY)
      const places: Array<ReturnType<UnreadBodies["enter"]>> = []
      const givenUp: Array<number> = []
      const expected: Array<number> = []
      let list: Array<{ readonly id: number; readonly client: string }> = []
      const dropFirst = (which: (entry: (typeof list)[number]) => boolean) => {
        const first = list.find(which)
        if (first !== undefined) expected.push(first.id)
        list = list.filter((entry) => entry !== first)
      }
      for (const step of all) {
        if ("enters" in step) {
          const [id, client] = [places.length, step.enters]
          places.push(unread.enter(client, () => givenUp.push(id)))
          list.push({ id, client })
          const own = list.filter((entry) => entry.client === client)
          if (own.length > LIMITS.ofOne && client !== PROXY) dropFirst((entry) => entry.client === client)
          if (list.length > LIMITS.ofAll) dropFirst(() => true)
        } else {
          const place = places[step.leaves]
          if (place === undefined) continue
          unread.leave(place)
          list = list.filter(({ id }) => id !== step.leaves)
        }
        expect(givenUp).toEqual(expected)
        expect(unread.count).toBe(list.length)
        expect(unread.networks).toBe(new Set(list.map(({ client }) => client)).size)
      }
      for (const place of places) unread.leave(place)
      expect([unread.count, unread.networks]).toEqual([0, 0])
    })
  )
})

test("the addresses of one IPv6 /64 are one client", () => {
  const unread = new UnreadBodies(LIMITS, () => false)
  const givenUp: Array<string> = []
  for (const end of ["1", "2", "3", "4"]) {
    const address = `2001:db8:1:2::${end}`
    unread.enter(address, () => givenUp.push(address))
  }
  unread.enter("2001:db8:1:3::1", () => givenUp.push("another"))
  expect(givenUp).toEqual(["2001:db8:1:2::1"])
})
