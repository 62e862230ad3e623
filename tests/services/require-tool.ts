/** A program that a suite needs and that npm does not bring. */
export interface RequiredTool {
  /** As a reader would look for it: "redis-server". */
  readonly name: string
  readonly found: boolean
  /** What is skipped without it. */
  readonly suite: string
  /** One command or sentence: "apt install redis-server". */
  readonly how: string
}

/**
 * Whether a suite can run: `describe.skipIf(!requireTool({ … }))`. On a developer's machine a missing tool skips the
 * suite with one line that says how to get it; with CI=true it throws, because a skip that nobody reads tests nothing.
 */
export const requireTool = ({ name, found, suite, how }: RequiredTool): boolean => {
  if (found) return true
  const line = `SKIPPED ${suite}: ${name} not found — ${how}`
  if (process.env.CI === "true") throw new Error(`${line} (with CI=true a suite may not be skipped)`)
  console.warn(line)
  return false
}
