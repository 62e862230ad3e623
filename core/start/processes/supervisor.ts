import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:net"
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { FIGURES_MAX_MS, type WorkerFigures } from "../../observe/worker-figures.ts"
import { openPipe, type Pipe } from "./pipe.ts"

/*
 * Several processes on one port: `payhub start --workers N`. A worker is the same program, started with
 * WORKER_VARIABLE. It tells over its pipe that it listens, and stops on SIGTERM or when its stdin ends because the
 * parent has died.
 */

/** Set for a worker: its place among the others and its limits, as JSON. */
export const WORKER_VARIABLE = "PAYHUB_WORKER"

/** Restart delay of a worker that exits; doubles while it keeps exiting early. */
const RESTART_MIN_MS = 100
const RESTART_MAX_MS = 10_000
/** A worker that has run this long counts as healthy: its next restart is quick again. */
const WELL_MS = 60_000

/** A worker that has not ended this long after the signal is killed; its own drains end sooner. */
const STOP_MAX_MS = 60_000

export interface ProcessesOptions<Ready> {
  readonly count: number
  /** The program and its arguments; no secrets, because other users can see them. */
  readonly command: ReadonlyArray<string>
  /**
   * Variables of a worker in addition to this process's own.
   * @param number from 1; a restarted worker keeps it
   * @param first what the first worker told; undefined = this is the first worker
   */
  readonly env: (number: number, first: Ready | undefined) => Readonly<Record<string, string>>
  /** Logs one line about a worker that ended by itself. */
  readonly log: (message: string, detail: Readonly<Record<string, unknown>>) => void
}

export interface Processes<Ready> {
  /** What the first worker told once it listened. */
  readonly first: Ready
  /** Passes a signal on to all workers and waits until they have ended. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>
  /** Ends all workers immediately (SIGKILL). */
  readonly kill: () => void
}

/**
 * Starts the workers and keeps them running. The first starts alone, so that port 0 becomes a definite port and the
 * database is migrated once; then the others start. null = a worker could not start and has said why on stderr; none is
 * left running.
 */
export const startProcesses = async <Ready>(options: ProcessesOptions<Ready>): Promise<Processes<Ready> | null> => {
  const running = new Set<ChildProcess>()
  /** The pipes of the workers that listen, by number. */
  const pipes = new Map<number, Pipe>()
  // Each worker's output adds listeners to our stdout; that many are not a leak.
  process.stdout.setMaxListeners(process.stdout.getMaxListeners() + options.count)
  let stopping = false
  let first: Ready | undefined
  /** The answer to a worker's question: the figures of the other workers. */
  const figuresOfOthers = (number: number): Promise<ReadonlyArray<WorkerFigures>> =>
    Promise.all(
      [...pipes]
        .filter(([worker]) => worker !== number)
        .map(async ([worker, pipe]) => ({ worker, text: (await pipe.ask(FIGURES_MAX_MS)) as string | null }))
    )
  const start = async (number: number): Promise<{ readonly worker: ChildProcess; readonly ready: Ready } | null> => {
    const [program = "", ...args] = options.command
    const worker = spawn(program, args, {
      // A session of its own: Ctrl-C in a terminal reaches the parent alone, which passes it on once.
      detached: true,
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...options.env(number, first) }
    })
    running.add(worker)
    let told: (ready: unknown) => void = () => undefined
    const listening = new Promise<unknown>((resolve) => {
      told = resolve
    })
    const gone = (): void => {
      told(null)
      running.delete(worker)
      pipes.delete(number)
    }
    worker.once("exit", gone)
    worker.on("error", () => {
      if (worker.pid === undefined) gone()
    })
    const { stdout: input, stdin: output } = worker
    // If this process has no file descriptors left, nothing was spawned and there are no pipes.
    if (!input || !output) return null
    const pipe = openPipe({ input, output, rest: process.stdout, told, answer: () => figuresOfOthers(number) })
    const ready = (await listening) as Ready | null
    if (ready === null) return null
    if (running.has(worker)) pipes.set(number, pipe)
    return { worker, ready }
  }

  /** Restarts a worker whenever it ends, until the stop. */
  const keep = async (number: number, worker: ChildProcess): Promise<void> => {
    let current: ChildProcess | null = worker
    let waitMs = RESTART_MIN_MS
    while (!stopping) {
      const startedAt = performance.now()
      const ending = current === null ? "it did not start" : await endOf(current)
      if (stopping) return
      if (performance.now() - startedAt > WELL_MS) waitMs = RESTART_MIN_MS
      options.log("a worker has ended and is started again", { pid: current?.pid, ending, wait_ms: waitMs })
      await sleep(waitMs, undefined, { ref: false })
      waitMs = Math.min(waitMs * 2, RESTART_MAX_MS)
      if (!stopping) current = (await start(number))?.worker ?? null
    }
  }

  const kill = (): void => {
    for (const worker of running) worker.kill("SIGKILL")
  }
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    stopping = true
    const all = [...running]
    for (const worker of all) worker.kill(signal)
    const deadline = setTimeout(kill, STOP_MAX_MS)
    await Promise.all(all.map(endOf))
    clearTimeout(deadline)
  }

  const leader = await start(1)
  if (leader === null) return null
  first = leader.ready
  const others = await Promise.all(Array.from({ length: options.count - 1 }, (_, index) => start(index + 2)))
  const started = [leader, ...others].flatMap((one) => (one === null ? [] : [one.worker]))
  if (started.length < options.count) {
    await stop("SIGTERM")
    return null
  }
  for (const [index, worker] of started.entries()) void keep(index + 1, worker)
  return { first, stop, kill }
}

/**
 * Whether a port is free. Workers share their port with any program that sets reusePort, so a second PayHub would not
 * fail.
 */
export const isPortFree = (hostname: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once("error", () => resolve(false))
    probe.listen({ host: hostname, port, exclusive: true }, () => probe.close(() => resolve(true)))
  })

const endOf = (worker: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    const ending = () => String(worker.signalCode ?? `exit code ${worker.exitCode}`)
    if (worker.exitCode !== null || worker.signalCode !== null) resolve(ending())
    else worker.once("exit", () => resolve(ending()))
  })
