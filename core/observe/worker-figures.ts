import { exposition } from "./metrics.ts"

/* `/metrics` of a gateway with several workers: whichever worker is scraped reports all of them. */

/** A worker's number, from 1, and how many workers there are. A restarted worker keeps its number. */
export interface WorkerPlace {
  readonly number: number
  readonly count: number
}

/** A worker's metrics as text; null = it did not answer: it hangs, is being restarted, or has just died. */
export interface WorkerFigures {
  readonly worker: number
  readonly text: string | null
}

/** A worker that does not answer within this time is left out. */
export const FIGURES_MAX_MS = 1_500
/** Longer, because the parent waits for the workers. */
const PARENT_MAX_MS = 2_000

/**
 * The figures of all workers.
 * @param askParent asks the parent for the other workers' figures (core/start/processes/supervisor.ts); null = no
 * answer within `waitMs`
 */
export const figuresOfAll = async (
  { number, count }: WorkerPlace,
  askParent: (waitMs: number) => Promise<unknown>
): Promise<ReadonlyArray<WorkerFigures>> => {
  const others = ((await askParent(PARENT_MAX_MS)) ?? []) as ReadonlyArray<WorkerFigures>
  const own: WorkerFigures = { worker: number, text: exposition() }
  return Array.from(
    { length: count },
    (_, index) => [own, ...others].find(({ worker }) => worker === index + 1) ?? { worker: index + 1, text: null }
  )
}

/**
 * Merges the workers' metrics into one text, with a metric's samples together as the format requires.
 *
 * Each worker gets a label instead of being summed up: a sum would fall when a worker restarts, and rate() would then
 * count everything of the other workers again. A sum is written `sum by (route) (rate(…))`, as for any set of
 * processes.
 */
export const workersText = (all: ReadonlyArray<WorkerFigures>): string => {
  const families = new Map<string, { readonly head: Array<string>; readonly samples: Array<string> }>()
  for (const { worker, text } of all) {
    const described = new Set(families.keys())
    let family: { readonly head: Array<string>; readonly samples: Array<string> } | undefined
    for (const line of (text ?? "").split("\n")) {
      const name = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1]
      if (name === undefined) {
        if (line !== "") family?.samples.push(withLabel(line, worker))
        continue
      }
      family = families.get(name) ?? { head: [], samples: [] }
      families.set(name, family)
      if (!described.has(name)) family.head.push(line)
    }
  }
  const up = all.map(({ worker, text }) => `payhub_worker_up{worker="${worker}"} ${text === null ? 0 : 1}`)
  return [
    ...[...families.values()].flatMap(({ head, samples }) => [...head, ...samples]),
    "# HELP payhub_worker_up Whether the worker answered this scrape; if 0, its figures are missing here",
    "# TYPE payhub_worker_up gauge",
    ...up,
    ""
  ].join("\n")
}

/** `name{a="b"} 1` → `name{worker="2",a="b"} 1` */
const withLabel = (sample: string, worker: number): string =>
  sample.replace(/^([\w:]+)(\{?)/, (_, name: string, brace: string) =>
    brace === "" ? `${name}{worker="${worker}"}` : `${name}{worker="${worker}",`
  )
