/** The variables that PayHub reads, filled as the configuration asks for them; these are between its processes. */
const known = new Set<string>(["PAYHUB_LAUNCHER", "PAYHUB_SELF", "PAYHUB_WORKER", "PAYHUB_TEST_CRASH"])

export const noteVariable = (name: string): void => void known.add(name)

/** A sentence for each variable that looks like one of ours and is none, once the configuration has been read. */
export const unknownVariables = (variables: Readonly<Record<string, string | undefined>>): ReadonlyArray<string> =>
  Object.keys(variables)
    .filter((name) => name.startsWith("PAYHUB_") && !known.has(name))
    .map((name) => {
      const [nearest = ""] = [...known].sort((a, b) => distance(name, a) - distance(name, b))
      return `${name} is not a variable of PayHub; did you mean ${nearest}?`
    })

/** Edits between two names (Levenshtein). */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
