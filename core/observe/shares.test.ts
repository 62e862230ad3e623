import { expect, test } from "bun:test"
import { makeShares, shareOf } from "./shares.ts"

test("shares count what is under way of each key, and forget a key that has nothing", () => {
  const shares = makeShares<string>()
  for (const key of ["a", "a", "b"]) shares.add(key, 1)
  expect([shares.count("a"), shares.count("b"), shares.count("c")]).toEqual([2, 1, 0])
  expect(shares.atLeast(2)).toEqual(["a"])
  expect(shares.counts()).toEqual([
    ["a", 2],
    ["b", 1]
  ])
  shares.add("b", -1)
  expect(shares.atLeast(0)).toEqual(["a"])
})

/** How much is still free once so many parties have come one after the other and each has taken all that it may. */
const freeAfter = (parties: number, max: number): number => {
  let free = max
  for (let party = 0; party < parties; party++) {
    for (let held = 0; held < shareOf(free, max) && free > 0; held++) free--
  }
  return free
}

test.each([
  [1, 512, 316],
  [10, 512, 54],
  [100, 3_000, 4]
])("%d parties that take all they may of %d places leave some for the next", (parties, max, free) => {
  expect(freeAfter(parties, max)).toBe(free)
  expect(shareOf(free, max)).toBeGreaterThan(0)
})
