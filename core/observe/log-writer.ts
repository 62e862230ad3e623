import { constants, openSync, write } from "node:fs"

/** Most bytes of lines that wait for a reader. */
const WAITING_BYTES_MAX = 1 << 20
/** Most bytes per write. */
const WRITE_BYTES_MAX = 1 << 16
/** Pause before a write that the reader was not ready for is tried again. */
const RETRY_MS = 50

/** Writes bytes without waiting on the calling thread; `done` gets how many bytes were taken. */
export type Write = (bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, taken: number) => void) => void

/**
 * Writes log lines without ever waiting for whoever reads them. A pipe takes 64 KiB; after that every write to it waits
 * until somebody reads, and a write on the main thread would hold up every request meanwhile. Lines beyond
 * WAITING_BYTES_MAX are dropped, and once the reader goes on a line says how many.
 */
export class LogWriter {
  readonly #write: Write
  readonly #waiting: Array<Buffer> = []
  #waitingBytes = 0
  #dropped = 0
  #writing = false
  #idle: Array<() => void> = []

  constructor(write: Write = toStderr) {
    this.#write = write
  }

  /** @param line ends with a line break */
  readonly line = (line: string): void => {
    const bytes = Buffer.from(line)
    if (this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.#dropped++
      return
    }
    this.#push(bytes)
    if (!this.#writing) this.#next()
  }

  /** Resolves when all lines have been written, at the latest after `ms`. */
  flush(ms: number): Promise<void> {
    if (!this.#writing) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#idle.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #push(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
  }

  #next(): void {
    if (this.#waiting.length === 0) {
      this.#writing = false
      for (const resolve of this.#idle.splice(0)) resolve()
      return
    }
    this.#writing = true
    let size = 0
    let count = 0
    for (const bytes of this.#waiting) {
      if (count > 0 && size + bytes.length > WRITE_BYTES_MAX) break
      size += bytes.length
      count++
    }
    this.#put(Buffer.concat(this.#waiting.splice(0, count), size))
  }

  #put(bytes: Buffer): void {
    this.#write(bytes, (error, taken) => {
      if (error?.code === "EAGAIN") {
        setTimeout(() => this.#put(bytes), RETRY_MS)
      } else if (error === null && taken < bytes.length) {
        this.#waitingBytes -= taken
        this.#put(bytes.subarray(taken))
      } else {
        // A reader that is gone for good (EPIPE) or a full disk takes these lines with it.
        this.#waitingBytes -= bytes.length
        if (error === null && this.#dropped > 0) this.#tellDropped()
        this.#next()
      }
    })
  }

  #tellDropped(): void {
    const told = { timestamp: new Date().toISOString(), level: "WARN", message: DROPPED, dropped: this.#dropped }
    this.#dropped = 0
    this.#push(Buffer.from(`${JSON.stringify(told)}\n`))
  }
}

const DROPPED = "log lines were dropped, because whoever reads the log had stopped"

const STDERR = 2

/**
 * Standard error, opened anew so that a write to a full pipe fails at once instead of waiting in a thread: on Deno, that
 * wait would hold up everything. Only Linux opens it anew, and not a socket (journald's), whose reader never stops.
 */
const stderrWithoutWaiting = (): number => {
  try {
    return openSync("/proc/self/fd/2", constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK)
  } catch {
    return STDERR
  }
}

let stderr: number | undefined

const toStderr: Write = (bytes, done) => {
  stderr ??= stderrWithoutWaiting()
  write(stderr, bytes, (error, taken) => done(error, taken))
}
