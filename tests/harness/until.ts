export interface UntilOptions {
  /** Default 15,000. */
  readonly timeoutMs?: number
  /** The pause between two looks, default 20: longer where a look costs the machine more than the wait. */
  readonly everyMs?: number
  /** What the error adds to what was waited for, such as a program's output; asked when the time is up. */
  readonly why?: () => string
}

/**
 * Waits for a fact: looks again and again until `look` answers something other than undefined, null or false, and
 * returns that.
 * @param what completes the sentence "waited in vain for …"
 * @throws once `timeoutMs` have passed, and whatever `look` throws
 */
export const until = async <A>(
  what: string,
  look: () => A | Promise<A>,
  { timeoutMs = 15_000, everyMs = 20, why = () => "" }: UntilOptions = {}
): Promise<Exclude<A, undefined | null | false>> => {
  const endsAt = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) {
      return found as Exclude<A, undefined | null | false>
    }
    if (performance.now() > endsAt) throw new Error(`waited ${timeoutMs} ms in vain for ${what} ${why()}`.trimEnd())
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
