import { type SpawnOptions, spawn, spawnSync } from "node:child_process"
import { join } from "node:path"
import { ended, endsWithUs } from "../harness/reaper.ts"

/** What a generator saw. `refused` counts answers other than 2xx, `broken` counts lost connections and time-outs. */
export interface Load {
  readonly requests: number
  readonly seconds: number
  readonly refused: number
  readonly broken: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface LoadOptions {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** One JSON body a line. */
  readonly file: string
  /** Starts over at the end of the file; otherwise the run ends there. */
  readonly again: boolean
}

export const hasWrk = (): boolean => spawnSync("wrk", ["--version"]).error === undefined

/** Closed loop: each connection sends its next request once it has the answer to the last. */
export const runLoad = async (options: LoadOptions): Promise<Load> => {
  const { url, connections, seconds, file } = options
  const mode = options.again ? "again" : "once"
  const target = new URL(url)
  const output = hasWrk()
    ? await outputOf("wrk", [
        "-t1",
        `-c${connections}`,
        `-d${seconds}s`,
        "--timeout",
        "20s",
        "-s",
        join(import.meta.dirname, "wrk.lua"),
        target.origin,
        "--",
        file,
        target.pathname,
        mode
      ])
    : await outputOf(process.execPath, [
        join(import.meta.dirname, "generator.ts"),
        url,
        String(connections),
        String(seconds),
        file,
        mode
      ])
  const line = output.trimEnd().split("\n").at(-1) ?? ""
  return JSON.parse(line) as Load
}

/** The stdout of a program that ends with exit code 0. @throws with its stderr otherwise */
export const outputOf = (program: string, args: ReadonlyArray<string>, options: SpawnOptions = {}): Promise<string> =>
  new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options })
    const { pid } = child
    if (pid !== undefined) endsWithUs(pid)
    let stdout = ""
    let stderr = ""
    child.stdout?.on("data", (chunk: Buffer) => {
      stdout += chunk.toString("utf8")
    })
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr += chunk.toString("utf8")
    })
    child.once("error", fail)
    child.once("close", (code) => {
      if (pid !== undefined) ended(pid)
      if (code === 0) done(stdout)
      else fail(new Error(`${program} ended with ${code}: ${stderr}${stdout.slice(-500)}`))
    })
  })
