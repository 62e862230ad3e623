/** How many orders, or queries, one address may send per window; "off" = no limit. */
export type ThrottleRule = { readonly count: number; readonly windowMs: number } | "off"

/** Reads `2/1s`, `100/500ms`, `10/1m`, or `off`; undefined = not a rule. */
export const parseThrottle = (text: string): ThrottleRule | undefined => {
  if (text === "off") return "off"
  const match = /^(\d{1,7})\/(\d{1,6})(ms|s|m|h)$/.exec(text.trim())
  if (match === null) return undefined
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[3] as "ms" | "s" | "m" | "h"]
  const rule = { count: Number(match[1]), windowMs: Number(match[2]) * unit }
  return rule.count > 0 && rule.windowMs > 0 ? rule : undefined
}
