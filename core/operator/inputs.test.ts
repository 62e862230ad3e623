import { describe, expect, test } from "bun:test"
import { Effect, Schema } from "effect"
import { AddressRange, durationMs, Name, Since, sinceOf, Throttle, throttleOf, throttleText } from "./inputs.ts"

const takes = (schema: Schema.Codec<string>, text: string) => Schema.is(schema)(text)

test("a throttle is shown as it was typed", () => {
  for (const rule of ["100/1s", "2/500ms", "10/1m", "7/24h", "3/90s", "off"])
    expect(throttleText(throttleOf(rule))).toBe(rule)
  for (const rule of ["", "100", "0/1s", "1/0s", "1/1d", "-1/1s", "on"])
    expect([rule, takes(Throttle, rule)]).toEqual([rule, false])
})

test("an allowed address is a single address or a range", () => {
  for (const range of [
    "203.0.113.7",
    "203.0.113.0/24",
    "0.0.0.0/0",
    "2001:db8::1",
    "2001:db8::/32",
    "::ffff:10.0.0.1"
  ]) {
    expect([range, takes(AddressRange, range)]).toEqual([range, true])
  }
  for (const range of [
    "",
    "10.1",
    "010.0.0.1",
    "10.0.0.1/33",
    "167772161",
    "0x7f.1",
    "shop.example.com",
    "10.0.0.0/"
  ]) {
    expect([range, takes(AddressRange, range)]).toEqual([range, false])
  }
})

test("a name has 1 to 64 characters on one line", () => {
  for (const name of ["x", "茶馆 Tea", "😀".repeat(64)]) expect(takes(Name, name)).toBe(true)
  for (const name of ["", " x", "x ", "a\nb", "\u001b[31mred", "😀".repeat(65)]) expect(takes(Name, name)).toBe(false)
})

test("a duration has a unit and is at most a year", () => {
  expect(["0", "90s", "30m", "24h", "7d"].map(durationMs)).toEqual([0, 90_000, 1_800_000, 86_400_000, 604_800_000])
  for (const text of ["", "24", "24 h", "-1h", "1w", "367d", "1.5h"])
    expect([text, durationMs(text)]).toEqual([text, undefined])
})

describe("since", () => {
  const now = Date.parse("2026-03-15T12:00:00Z")
  const at = (text: string, zone = "Asia/Shanghai") =>
    Effect.runSync(sinceOf(text, now, zone).pipe(Effect.map((date) => date.toISOString())))

  test("is an instant, a time in the gateway's zone, or a duration before now", () => {
    expect(at("2026-03-15T08:00:00Z")).toBe("2026-03-15T08:00:00.000Z")
    expect(at("2026-03-15T08:00:00+02:00")).toBe("2026-03-15T06:00:00.000Z")
    expect(at("2026-03-15")).toBe("2026-03-14T16:00:00.000Z")
    expect(at("2026-03-15 08:30")).toBe("2026-03-15T00:30:00.000Z")
    expect(at("2026-03-15T08:30:15")).toBe("2026-03-15T00:30:15.000Z")
    expect(at("2026-07-01", "Europe/Berlin")).toBe("2026-06-30T22:00:00.000Z")
    expect(at("24h")).toBe("2026-03-14T12:00:00.000Z")
  })

  test("is neither an impossible date nor any other text", () => {
    for (const text of ["2026-02-30", "2026-13-01", "2026-03-15T25:00"]) {
      expect(Effect.runSync(Effect.flip(sinceOf(text, now, "UTC")))._tag).toBe("InputInvalid")
    }
    for (const text of ["yesterday", "2026", "0", "15.03.2026", "2026-03-15T08:00:00 UTC"]) {
      expect([text, takes(Since, text)]).toEqual([text, false])
    }
  })
})
