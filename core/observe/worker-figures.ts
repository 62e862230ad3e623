import { exposition } from "./metrics.ts"

/* `/metrics` of a gateway of several workers: whichever of them is scraped tells of all. */

/** Which worker this is, from 1, and of how many. Another process in its place has the same number. */
export interface WorkerPlace {
  readonly number: number
  readonly count: number
}

/** What a worker counts, as a text of its own; null = it did not answer: it hangs, is being started again, or just died. */
export interface WorkerFigures {
  readonly worker: number
  readonly text: string | null
}

/** A worker that has not told its figures after so long is left out. */
export const FIGURES_MAX_MS = 1_500
/** The parent that waits for them gets a little longer. */
const PARENT_MAX_MS = 2_000

/** The figures of all workers. @param askParent it asks the others (core/start/processes/supervisor.ts); null = it does not answer in time */
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
 * One text of them all, a metric's samples together as the format asks.
 *
 * A label for each worker and no sum: a sum would fall when a worker is started again, and rate() would take all that
 * the others have counted for new. Who wants the sum writes `sum by (route) (rate(…))`, as for any several processes.
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
    "# HELP payhub_worker_up Whether the worker answered this scrape; without it what it counts is missing here",
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
