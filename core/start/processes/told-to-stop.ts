import { readFileSync } from "node:fs"
import process from "node:process"

/** What Linux tells of a process; "" = nothing. */
const statusOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8")
  } catch {
    return ""
  }
}

/** Signals that stop the gateway in order. SIGHUP comes when a terminal or an ssh session ends, SIGQUIT from Ctrl-\. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const

/** The next signal to stop that this process gets. */
export const nextSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    for (const signal of SIGNALS) if (!isIgnored(signal)) process.once(signal, () => resolve(signal))
  })

const SIGHUP_BIT = 1n

/**
 * Whether the process was started to ignore a signal, as `nohup` makes it ignore SIGHUP; a handler would end that.
 * Only Linux tells, and Deno, which ends on SIGHUP in any case, hides it.
 */
const isIgnored = (signal: NodeJS.Signals): boolean => {
  if (signal !== "SIGHUP") return false
  const mask = IGNORED_AT_START
  return mask !== undefined && (mask & SIGHUP_BIT) !== 0n
}

/** The signals that this process ignored before it set a handler of its own, as a bit mask; undefined = unknown. */
const IGNORED_AT_START = ((): bigint | undefined => {
  const [, mask] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(statusOf(process.pid)) ?? []
  return mask === undefined ? undefined : BigInt(`0x${mask}`)
})()

/** Set where no launcher tells of itself (deno.json's task). */
const LAUNCHER_VARIABLE = "PAYHUB_LAUNCHER"

/** Interval between looks at the parent processes. */
const PARENT_CHECK_MS = 500

/**
 * Resolves when a launcher that started this process is gone. npm, npx and `deno task` stay as its parents, with a shell
 * in between, and die of a signal without passing it on; nobody would know the gateway any more. Never resolves for
 * other parents: a shell may end before a gateway that runs in its background.
 */
export const launcherGone = (): Promise<"SIGTERM"> =>
  new Promise((resolve) => {
    if (!isLaunched(process.env)) return
    const chain = launchers()
    const timer = setInterval(() => {
      if (chain.every(({ pid, parent }) => parentOf(pid) === parent)) return
      clearInterval(timer)
      resolve("SIGTERM")
    }, PARENT_CHECK_MS)
    timer.unref()
  })

/** Whether a launcher has started the program itself, and not some script that happens to start it. */
const isLaunched = (env: NodeJS.ProcessEnv): boolean =>
  env[LAUNCHER_VARIABLE] !== undefined || /payhub|deno['"]? task/.test(env.npm_lifecycle_script ?? "")

/** This process and its parents up to the outermost launcher, each with its parent. Only Linux tells of grandparents. */
const launchers = (): ReadonlyArray<{ readonly pid: number; readonly parent: number }> => {
  const chain: Array<{ readonly pid: number; readonly parent: number; readonly launched: boolean }> = []
  for (let pid = process.pid, parent = parentOf(pid); parent !== undefined && parent > 1; parent = parentOf(pid)) {
    chain.push({ pid, parent, launched: /^(npm|npx|pnpm|yarn|node|bun|deno)\b/.test(nameOf(parent)) })
    pid = parent
  }
  return chain.slice(0, Math.max(1, chain.findLastIndex(({ launched }) => launched) + 1))
}

const parentOf = (pid: number): number | undefined => {
  if (pid === process.pid) return process.ppid
  const [, parent] = /^PPid:\s*(\d+)$/m.exec(statusOf(pid)) ?? []
  return parent === undefined ? undefined : Number(parent)
}

const nameOf = (pid: number): string => /^Name:\s*(.*)$/m.exec(statusOf(pid))?.[1] ?? ""
