/** Something that a suite needs and npm does not install: a program, or a right that not every machine gives. */
export interface RequiredTool {
  /** The name that a reader looks for: "redis-server". PAYHUB_TESTS_WITHOUT excuses a tool by this name. */
  readonly name: string
  readonly found: boolean
  /** The suite that is skipped without it. */
  readonly suite: string
  /** How to get it, one command or sentence: "apt install redis-server". */
  readonly how: string
}

/**
 * Whether a suite can run: `describe.skipIf(!requireTool({ … }))`. On a developer's machine a missing tool skips the suite
 * and prints how to get it. With CI=true it throws instead, because nobody reads that line there, unless .ci/run has
 * found that the machine cannot have the tool and named it in PAYHUB_TESTS_WITHOUT.
 */
export const requireTool = ({ name, found, suite, how }: RequiredTool): boolean => {
  if (found) return true
  const line = `SKIPPED ${suite}: ${name} is missing — ${how}`
  const excused = process.env.PAYHUB_TESTS_WITHOUT === name
  if (process.env.CI === "true" && !excused) throw new Error(`${line} (with CI=true a suite may not be skipped)`)
  console.warn(line)
  return false
}
