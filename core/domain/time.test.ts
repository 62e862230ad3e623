import { expect, test } from "bun:test"
import fc from "fast-check"
import { isTimeZone, localText, shanghaiMs, shanghaiParts, shanghaiText } from "./time.ts"

const instant = Date.UTC(2026, 2, 15, 17, 4, 5)

test("an instant is written in the requested zone", () => {
  expect(localText(new Date(instant), "Asia/Shanghai")).toBe("2026-03-16 01:04:05")
  expect(localText(new Date(instant), "UTC")).toBe("2026-03-15 17:04:05")
  expect(localText(new Date(instant), "America/New_York")).toBe("2026-03-15 13:04:05")
})

test("every zone's texts match the time zone database, around its changes too", () => {
  const zones = ["Asia/Shanghai", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "UTC"]
  // New York's clocks change at 06:00 and 07:00 UTC, Lord Howe's by half an hour: many instants are drawn near these.
  const changes = [
    Date.UTC(2026, 2, 8, 7),
    Date.UTC(2026, 10, 1, 6),
    Date.UTC(2026, 3, 4, 15),
    Date.UTC(2026, 9, 3, 15, 30)
  ]
  const near = fc.tuple(fc.constantFrom(...changes), fc.integer({ min: -7_200_000, max: 7_200_000 }))
  const instants = fc.oneof(
    fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2090, 0, 1) }),
    near.map(([change, away]) => change + away)
  )
  for (const zone of zones) {
    const options = { timeZone: zone, dateStyle: "short", timeStyle: "medium" } as const
    const database = new Intl.DateTimeFormat("sv-SE", options)
    fc.assert(fc.property(instants, (ms) => localText(new Date(ms), zone) === database.format(ms)))
  }
})

test("an instant far from the present is written too, since a provider's missing time may read as year 1", () => {
  const database = new Intl.DateTimeFormat("sv-SE", {
    timeZone: "Asia/Shanghai",
    dateStyle: "short",
    timeStyle: "medium"
  })
  for (const text of ["0001-01-01T00:00:00Z", "1972-01-07T00:44:29Z", "2011-11-06T02:31:00Z", "9999-12-31T23:59:59Z"]) {
    expect(localText(new Date(text), "Asia/Shanghai")).toBe(database.format(new Date(text)))
  }
})

test("Shanghai's texts match the time zone database and are read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1992, 0, 1), max: Date.UTC(2090, 0, 1) }), (ms) => {
      const second = Math.floor(ms / 1000) * 1000
      const text = shanghaiText(second)
      expect(text).toBe(localText(new Date(second), "Asia/Shanghai"))
      expect(shanghaiMs(text)).toBe(second)
      expect(shanghaiParts(second)).toBe(text.replaceAll(/\D/g, ""))
    })
  )
  expect(shanghaiMs("2026-03-16T01:04:05")).toBeUndefined()
  expect(shanghaiMs("2026-13-16 01:04:05")).toBeUndefined()
})

test("an unknown time zone is recognised as unknown", () => {
  expect(isTimeZone("Asia/Shanghai")).toBe(true)
  expect(isTimeZone("Mars/Olympus")).toBe(false)
})
