/** What a suite needs and npm does not bring: a program, or a right that a machine may not give. */
export interface RequiredTool {
  /** As a reader would look for it: "redis-server". PAYHUB_TESTS_WITHOUT names what a machine cannot have. */
  readonly name: string
  readonly found: boolean
  /** What is skipped without it. */
  readonly suite: string
  /** One command or sentence: "apt install redis-server". */
  readonly how: string
}

/**
 * Whether a suite can run: `describe.skipIf(!requireTool({ … }))`. On a developer's machine a missing tool skips the
 * suite with one line that says how to get it; with CI=true it throws, because a skip that nobody reads tests nothing,
 * unless .ci/run itself has found that this machine cannot have it.
 */
export const requireTool = ({ name, found, suite, how }: RequiredTool): boolean => {
  if (found) return true
  const line = `SKIPPED ${suite}: ${name} is missing — ${how}`
  const excused = process.env.PAYHUB_TESTS_WITHOUT === name
  if (process.env.CI === "true" && !excused) throw new Error(`${line} (with CI=true a suite may not be skipped)`)
  console.warn(line)
  return false
}
