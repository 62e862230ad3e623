import { readdirSync, readFileSync } from "node:fs"

/*
 * CPU and memory of processes, from /proc: Linux only. Elsewhere every figure is undefined and the table shows a dash. A
 * process counts with its children, ended ones too, because PostgreSQL's backends come and go.
 */

/** USER_HZ: 100 on every Linux that Bun or Deno run on. */
const TICKS_PER_SECOND = 100

/** Seconds of CPU that a process and its descendants have used so far. */
export const cpuSeconds = (pid: number): number | undefined => {
  const ticks = ticksOf(pid)
  return ticks === undefined ? undefined : ticks / TICKS_PER_SECOND
}

/** Seconds of CPU of this process's children that have ended and been waited for: the load generators. */
export const endedChildrenCpuSeconds = (): number | undefined => {
  const fields = statOf("self")
  return fields === undefined ? undefined : (field(fields, 16) + field(fields, 17)) / TICKS_PER_SECOND
}

/** Megabytes of memory of a process and its descendants; shared pages count once (Pss). */
export const memoryMb = (pid: number): number | undefined => {
  let kilobytes = 0
  for (const one of [pid, ...descendants(pid)]) {
    try {
      const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${one}/smaps_rollup`, "utf8"))?.[1]
      kilobytes += Number(pss ?? 0)
    } catch {
      if (one === pid) return undefined
    }
  }
  return kilobytes / 1024
}

const ticksOf = (pid: number): number | undefined => {
  const fields = statOf(pid)
  if (fields === undefined) return undefined
  const own = field(fields, 14) + field(fields, 15) + field(fields, 16) + field(fields, 17)
  return children(pid).reduce((sum, child) => sum + (ticksOf(child) ?? 0), own)
}

const descendants = (pid: number): ReadonlyArray<number> =>
  children(pid).flatMap((child) => [child, ...descendants(child)])

/** The children of every thread of a process: any thread may have started one. */
const children = (pid: number): ReadonlyArray<number> => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number)
    )
  } catch {
    return []
  }
}

/** The fields of /proc/PID/stat after the command's name, which may hold anything. */
const statOf = (pid: number | "self"): ReadonlyArray<string> | undefined => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")
  } catch {
    return undefined
  }
}

/** @param number as proc(5) counts them, from 1; the third is the first after the name */
const field = (fields: ReadonlyArray<string>, number: number): number => Number(fields[number - 3])
