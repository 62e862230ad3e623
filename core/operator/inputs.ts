import { DateTime, Effect, Schema } from "effect"
import { isAddressRange } from "../domain/address-range.ts"
import { FEE_RATE_BP_MAX } from "../domain/money.ts"
import { ORDER_STATUS, type OrderStatus } from "../domain/order.ts"
import type { ThrottleRule } from "../domain/throttle-rule.ts"
import { parseThrottle } from "../domain/throttle-rule.ts"
import { InputInvalid } from "./operation.ts"

/** How a field is explained in the help and typed in a command. */
export interface Hint {
  /** One line for the help. */
  readonly help: string
  /** Stands for the value in the help: URL. */
  readonly placeholder?: string
  /** The command's flag if it differs from the key: "allow-ip" for allowIps. */
  readonly flag?: string
}

/** A field with its hint, which edges read with `hintOf`. */
export const hinted = <S extends Schema.Top>(schema: S, hint: Hint): S["Rebuild"] =>
  schema.annotate({ description: hint.help, payhubHint: hint })

export const hintOf = (schema: Schema.Top): Hint | undefined =>
  Schema.resolveAnnotations(schema)?.payhubHint as Hint | undefined

/** The same field, but null is allowed: an update with null clears the setting. */
export const nullable = <S extends Schema.Top>(schema: S): Schema.NullOr<S> =>
  hinted(Schema.NullOr(schema), hintOf(schema) ?? { help: "" })

const text = (test: (text: string) => boolean, message: string) =>
  Schema.String.check(Schema.makeFilter(test, { message }))

/** The operator's name for a merchant or an account: 1–64 characters on one line. */
export const Name = text(
  (name) => name.trim() === name && /^\P{Cc}{1,64}$/u.test(name),
  "must be 1 to 64 characters on one line, without spaces around them"
)

export const OrderNo = hinted(Schema.String, {
  help: "The gateway's order number (QR… or WX…)",
  placeholder: "ORDER_NO"
})

export const AccountId = hinted(Schema.String, {
  help: "The account's id, as `channel list` shows it",
  placeholder: "ID"
})

/** `100/1s`, `2/500ms`, `10/1m`, or `off`. */
export const Throttle = text(
  (rule) => parseThrottle(rule) !== undefined,
  "must be calls per window, such as 100/1s, or off"
)

export const throttleOf = (rule: string): ThrottleRule => parseThrottle(rule) ?? "off"

const UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1]
] as const

/** A throttle in the form in which it is typed: {count: 100, windowMs: 1000} → "100/1s". */
export const throttleText = (rule: ThrottleRule): string => {
  if (rule === "off") return "off"
  const [unit, ms] = UNITS.find(([, ms]) => rule.windowMs % ms === 0) ?? ["ms", 1]
  return `${rule.count}/${rule.windowMs / ms}${unit}`
}

/** Four plain decimal numbers: programs disagree on which addresses `10.1` and `010.0.0.1` are. */
const FOUR_NUMBERS = /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}(\/|$)/

export const AddressRange = text(
  (range) => isAddressRange(range) && (range.includes(":") || FOUR_NUMBERS.test(range)),
  "must be an IP address or a range such as 203.0.113.0/24"
)

/** Basis points: 60 = 0.60 %. */
export const FeeRateBp = Schema.Int.check(
  Schema.makeFilter((rate) => rate >= 0 && rate <= FEE_RATE_BP_MAX, {
    message: `must be basis points from 0 to ${FEE_RATE_BP_MAX}, such as 60 for 0.60 %`
  })
)

export const Limit = Schema.Int.check(
  Schema.makeFilter((limit) => limit >= 1 && limit <= 1000, { message: "must be from 1 to 1000" })
)

/** Rows of a list for which no limit is given. */
export const LIMIT_STANDARD = 50

/** A status by its name, in upper or lower case. */
export const Status = text(
  (name) => Object.hasOwn(ORDER_STATUS, name.toUpperCase()),
  `must be one of ${Object.keys(ORDER_STATUS).join(", ")}`
)

export const statusOf = (name: string): OrderStatus => name.toUpperCase() as OrderStatus

const DURATION = /^(\d{1,6})(s|m|h|d)$/
const DURATION_MS_MAX = 366 * 86_400_000

/** `24h`, `30m`, `7d`, `90s` or `0` in milliseconds; undefined = something else, or over a year. */
export const durationMs = (duration: string): number | undefined => {
  if (duration === "0") return 0
  const match = DURATION.exec(duration)
  if (match === null) return undefined
  const ms = Number(match[1]) * { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as "s" | "m" | "h" | "d"]
  return ms <= DURATION_MS_MAX ? ms : undefined
}

export const Duration = text(
  (duration) => durationMs(duration) !== undefined,
  "must be a time such as 24h, 30m or 7d (at most a year), or 0"
)

const INSTANT = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/

/** Start of a list: an instant, a date or time in the gateway's zone, or a duration before now. */
export const Since = text(
  (since) => INSTANT.test(since) || (since !== "0" && durationMs(since) !== undefined),
  "must be a time such as 2026-03-15, 2026-03-15T08:00:00Z, or 24h for the last day"
)

/**
 * The instant of a `Since`. Fails with InputInvalid if the calendar has no such date.
 * @param zone the IANA zone of times that name none
 */
export const sinceOf = (since: string, nowMs: number, zone: string): Effect.Effect<Date, InputInvalid> =>
  Effect.suspend(() => {
    const ms = durationMs(since)
    if (ms !== undefined) return Effect.succeed(new Date(nowMs - ms))
    const iso = since.replace(" ", "T")
    const zoned = /(Z|[+-]\d\d:\d\d)$/.test(iso)
    const at = new Date(zoned ? iso : `${iso.length === 10 ? `${iso}T00:00:00` : iso}Z`)
    // Bun reads 2026-02-30 as 2 March, so the result must print as what was typed.
    if (Number.isNaN(at.getTime()) || (!zoned && !at.toISOString().startsWith(iso.slice(0, 16)))) {
      return Effect.fail(new InputInvalid({ problems: [{ field: "since", message: `there is no time ${since}` }] }))
    }
    if (zoned) return Effect.succeed(at)
    const there = DateTime.makeZonedUnsafe(at, { timeZone: zone, adjustForTimeZone: true })
    return Effect.succeed(DateTime.toDateUtc(there))
  })
