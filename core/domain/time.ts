/** Time is UTC inside; these are the texts of the edges. */

const formatters = new Map<string, Intl.DateTimeFormat>()

const formatter = (zone: string): Intl.DateTimeFormat => {
  let found = formatters.get(zone)
  if (found === undefined) {
    found = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" })
    formatters.set(zone, found)
  }
  return found
}

/** An instant as `YYYY-MM-DD HH:mm:ss` in a zone (contract section 7). */
export const localText = (at: Date, zone: string): string => formatter(zone).format(at)

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

/** yyyyMMddHHmmss in Shanghai, which has had no daylight saving since 1991: +08:00 holds for every order. */
export const shanghaiParts = (ms: number): string =>
  new Date(ms + SHANGHAI_OFFSET_MS).toISOString().slice(0, 19).replaceAll(/[-T:]/g, "")

/** `YYYY-MM-DD HH:mm:ss` in Shanghai, as Chinese providers write time. */
export const shanghaiText = (ms: number): string =>
  new Date(ms + SHANGHAI_OFFSET_MS).toISOString().slice(0, 19).replace("T", " ")

/** `YYYY-MM-DD HH:mm:ss` in Shanghai → epoch milliseconds, or undefined when it is not such a text. */
export const shanghaiMs = (text: string): number | undefined => {
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text)) return undefined
  const ms = Date.parse(`${text.replace(" ", "T")}+08:00`)
  return Number.isNaN(ms) ? undefined : ms
}
