import { Cause, Logger, References } from "effect"

/**
 * A log entry as one flat JSON object on one line: `timestamp` (ISO 8601, UTC), `level`, `message`, then the entry's own
 * fields and those of its request (`request_id`). Further texts become `detail`, a failure becomes `cause`. A field
 * cannot replace the first three.
 */
export const logLine: Logger.Logger<unknown, string> = Logger.make(({ message, logLevel, cause, fiber, date }) => {
  const fields: Record<string, unknown> = {}
  const texts: Array<string> = []
  for (const part of Array.isArray(message) ? message : [message]) {
    if (Cause.isCause(part)) fields.cause = Cause.pretty(part)
    else if (typeof part === "object" && part !== null && !(part instanceof Error)) Object.assign(fields, part)
    else texts.push(String(part))
  }
  const [text = "", ...further] = texts
  if (further.length > 0) fields.detail = further.join(" ")
  if (cause.reasons.length > 0) fields.cause = Cause.pretty(cause)
  const named = { ...fields, ...fiber.getRef(References.CurrentLogAnnotations) }
  return `${JSON.stringify({ timestamp: date.toISOString(), level: logLevel.toUpperCase(), message: text, ...without(named) })}\n`
})

const without = ({ timestamp, level, message, ...others }: Record<string, unknown>): Record<string, unknown> => ({
  ...others,
  ...(timestamp === undefined ? {} : { timestamp_: timestamp }),
  ...(level === undefined ? {} : { level_: level }),
  ...(message === undefined ? {} : { message_: message })
})
