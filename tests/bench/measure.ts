import { readFileSync } from "node:fs"
import { cpus, loadavg, totalmem } from "node:os"
import type { Load } from "./load.ts"
import type { Rig } from "./rig.ts"
import { cpuSeconds, endedChildrenCpuSeconds, memoryMb } from "./usage.ts"

/** One measured run: the load's figures and their cost. */
export interface Measure extends Load {
  readonly perSecond: number
  /** Seconds of CPU during the run, by process. */
  readonly cpu: {
    readonly gateway: number | undefined
    readonly postgres: number | undefined
    readonly redis: number | undefined
    readonly generator: number | undefined
  }
  /** Megabytes after the run. */
  readonly memory: { readonly gateway: number | undefined; readonly postgres: number | undefined }
}

/** Runs a load and measures the processes that serve it. @param serverPid the gateway's; undefined = PostgreSQL alone */
export const measure = async (rig: Rig, serverPid: number | undefined, run: () => Promise<Load>): Promise<Measure> => {
  const used = () => ({
    gateway: serverPid === undefined ? undefined : cpuSeconds(serverPid),
    postgres: cpuSeconds(rig.postgres.pid()),
    redis: rig.redis === undefined ? undefined : cpuSeconds(rig.redis.pid),
    generator: endedChildrenCpuSeconds()
  })
  const before = used()
  const load = await run()
  const after = used()
  const spent = (name: keyof typeof before) => {
    const [from, to] = [before[name], after[name]]
    return from === undefined || to === undefined ? undefined : to - from
  }
  return {
    ...load,
    perSecond: load.requests / load.seconds,
    cpu: {
      gateway: spent("gateway"),
      postgres: spent("postgres"),
      redis: spent("redis"),
      generator: spent("generator")
    },
    memory: {
      gateway: serverPid === undefined ? undefined : memoryMb(serverPid),
      postgres: memoryMb(rig.postgres.pid())
    }
  }
}

export const machine = () => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  kernel: kernelOf(),
  /** Over the minute before the benchmark: other work on the machine makes absolute figures worthless. */
  loadAverage: loadavg()[0] ?? 0
})

const kernelOf = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/osrelease", "utf8").trim()
  } catch {
    return process.platform
  }
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}
