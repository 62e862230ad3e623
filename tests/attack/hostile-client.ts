import { readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"

/** A client that keeps to no protocol: it writes any bytes and records what comes back and when the server hangs up. */
export interface HostileClient {
  readonly socket: Socket
  /** All bytes received so far, as Latin-1. */
  readonly received: () => string
  /** Resolves with the seconds after which the server ended the connection; null where `timeoutMs` pass before. */
  readonly ended: (timeoutMs: number) => Promise<number | null>
  readonly close: () => void
}

/** @param localAddress the client's own address: every one of 127.0.0.0/8 is this machine's on Linux */
export const connectHostile = (
  origin: string,
  bytes: string | Uint8Array = "",
  localAddress = "127.0.0.1"
): Promise<HostileClient> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin)
    const startedAt = performance.now()
    let received = ""
    let endedAfter: number | undefined
    let notify: () => void = () => undefined
    const socket = connect({ port: Number(port), host: hostname, localAddress })
    const end = () => {
      endedAfter ??= (performance.now() - startedAt) / 1000
      notify()
    }
    socket.once("error", reject)
    socket.on("error", end)
    socket.on("end", end)
    socket.on("close", end)
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1")
    })
    socket.once("connect", () => {
      socket.removeListener("error", reject)
      if (bytes.length > 0) socket.write(bytes)
      resolve({
        socket,
        received: () => received,
        ended: (timeoutMs) =>
          new Promise((done) => {
            if (endedAfter !== undefined) return done(endedAfter)
            const timer = setTimeout(() => done(null), timeoutMs)
            notify = () => {
              clearTimeout(timer)
              done(endedAfter ?? null)
            }
          }),
        close: () => socket.destroy()
      })
    })
  })

/** Writes `piece()` every `everyMs` until the connection ends. */
export const drip = ({ socket }: HostileClient, piece: () => string, everyMs: number): void => {
  const timer = setInterval(() => {
    if (socket.destroyed || !socket.writable) clearInterval(timer)
    else socket.write(piece())
  }, everyMs)
  socket.on("close", () => clearInterval(timer))
}

/** Writes `piece` again and again as fast as the server reads, up to `bytesMax`. @returns the bytes that the server took */
export const flood = (
  hostile: HostileClient,
  piece: Uint8Array,
  bytesMax: number,
  timeoutMs: number
): Promise<number> =>
  new Promise((resolve) => {
    const { socket } = hostile
    let written = 0
    const timer = setTimeout(() => finish(), timeoutMs)
    const finish = () => {
      clearTimeout(timer)
      resolve(written - (socket.destroyed ? 0 : socket.writableLength))
    }
    const pump = () => {
      if (socket.destroyed || !socket.writable || written >= bytesMax) return finish()
      written += piece.length
      socket.write(piece, (error) => (error ? finish() : pump()))
    }
    socket.on("close", finish)
    pump()
  })

/** Resident memory in MB. Linux only. */
export const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024

/** Measures resident memory every 5 ms until `stop`, which returns the highest growth in MB. */
export const watchMemory = (pid: number): { readonly stop: () => number } => {
  const before = residentMb(pid)
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, residentMb(pid))
  }, 5)
  return {
    stop: () => {
      clearInterval(timer)
      return Math.max(most, residentMb(pid)) - before
    }
  }
}

/** The status of every status line received; none of our bodies holds such a line. */
export const statuses = (received: string): ReadonlyArray<number> =>
  [...received.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status))
