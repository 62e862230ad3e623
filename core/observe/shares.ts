/** Counts the items under way for each key, so that no key takes more than its share. */
export interface Shares<Key> {
  readonly add: (key: Key, change: 1 | -1) => void
  readonly count: (key: Key) => number
  readonly atLeast: (limit: number) => ReadonlyArray<Key>
  /** What each key has under way; keys with nothing are left out. */
  readonly counts: () => ReadonlyArray<readonly [key: Key, count: number]>
}

export const makeShares = <Key>(): Shares<Key> => {
  const counts = new Map<Key, number>()
  const count = (key: Key) => counts.get(key) ?? 0
  return {
    add: (key, change) => {
      if (count(key) + change === 0) counts.delete(key)
      else counts.set(key, count(key) + change)
    },
    count,
    atLeast: (limit) => [...counts].filter(([, held]) => held >= limit).map(([key]) => key),
    counts: () => [...counts]
  }
}

/**
 * How many of `max` places one party may hold while `free` of them are free: `free² / max`, rounded up. The fuller the
 * house, the less anybody may add, so nobody is held to a small fixed share while it is empty, and it fills up only if
 * very many parties take part: of 3,000 places, the last 54 are for those who hold none.
 *
 * Why squared: with a share of `free` or a part of it, parties that come one after the other and stay would each take
 * the same part of what is left, and the house would be full after a dozen of them.
 */
export const shareOf = (free: number, max: number): number => Math.ceil((free * free) / max)
