/* Times are UTC inside; these are their texts at the edges. */

const formatters = new Map<string, Intl.DateTimeFormat>()

const formatter = (zone: string): Intl.DateTimeFormat => {
  let found = formatters.get(zone)
  if (found === undefined) {
    found = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" })
    formatters.set(zone, found)
  }
  return found
}

/**
 * An instant as `YYYY-MM-DD HH:mm:ss` in a zone (contract section 7). Since 2012, zones have changed their UTC offset
 * only at quarters of an hour, so the formatter, which is slow, is called once per quarter.
 * @param zone IANA time zone, checked by `isTimeZone`
 */
export const localText = (at: Date, zone: string): string => {
  const ms = at.getTime()
  if (!(ms >= QUARTERS_FROM && ms < QUARTERS_UNTIL)) return formatter(zone).format(at)
  return isoText(ms + offsetMs(zone, Math.floor(ms / QUARTER_MS)))
}

const QUARTERS_FROM = Date.UTC(2012, 0, 1)
const QUARTERS_UNTIL = Date.UTC(9999, 0, 1)
const QUARTER_MS = 15 * 60_000
/** Cached offsets per zone: one year of quarters. */
const QUARTERS_MAX = 35_136
const offsets = new Map<string, Map<number, number>>()

const offsetMs = (zone: string, quarter: number): number => {
  let known = offsets.get(zone)
  if (known === undefined) {
    known = new Map()
    offsets.set(zone, known)
  }
  let offset = known.get(quarter)
  if (offset === undefined) {
    const ms = quarter * QUARTER_MS
    offset = Date.parse(`${formatter(zone).format(ms).replace(" ", "T")}Z`) - ms
    if (known.size >= QUARTERS_MAX) known.clear()
    known.set(quarter, offset)
  }
  return offset
}

const isoText = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ")

/** Whether the runtime knows an IANA time zone. */
export const isTimeZone = (zone: string): boolean => {
  try {
    formatter(zone)
    return true
  } catch {
    return false
  }
}

const SHANGHAI_OFFSET_MS = 8 * 3_600_000

/** Epoch ms as yyyyMMddHHmmss in Shanghai, which has had no daylight saving since 1991: always +08:00. */
export const shanghaiParts = (ms: number): string =>
  new Date(ms + SHANGHAI_OFFSET_MS).toISOString().slice(0, 19).replaceAll(/[-T:]/g, "")

/** Epoch ms as `YYYY-MM-DD HH:mm:ss` in Shanghai, as Chinese providers write times. */
export const shanghaiText = (ms: number): string => isoText(ms + SHANGHAI_OFFSET_MS)

/** `YYYY-MM-DD HH:mm:ss` in Shanghai → epoch ms; undefined = not such a text. */
export const shanghaiMs = (text: string): number | undefined => {
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return undefined
  const ms = Date.parse(`${text.replace(" ", "T")}+08:00`)
  return Number.isNaN(ms) ? undefined : ms
}
