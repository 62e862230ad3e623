import { connect, createServer, type Socket } from "node:net"
import { listenOnLoopback } from "./loopback.ts"

/** A network between two programs that a test makes worse. */
export interface TcpProxy {
  readonly port: number
  /** Holds back all bytes in both directions until `flow`; connections stay open. */
  readonly stall: () => void
  readonly flow: () => void
  /** Cuts every open connection. */
  readonly cut: () => void
  /** Cuts every connection and refuses new ones until `flow`. */
  readonly down: () => void
  /** Delays bytes by this many milliseconds from now on; 0 ends the delay. */
  readonly delay: (ms: number) => void
  readonly close: () => Promise<void>
}

/** Listens on a free loopback port and forwards to a port of 127.0.0.1. @param target read at each connection */
export const startTcpProxy = async (target: () => number): Promise<TcpProxy> => {
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket }>()
  let stalled = false
  let refusing = false
  let delayMs = 0

  const pump = (from: Socket, to: Socket): void => {
    // Each chunk waits for the one before it, so that they keep their order.
    let last = Promise.resolve()
    from.on("data", (chunk) => {
      const dueMs = delayMs
      last = last.then(async () => {
        if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs))
        if (!to.destroyed) to.write(chunk)
      })
    })
    from.on("end", () => void last.then(() => to.end()))
    from.on("close", () => to.destroy())
    from.on("error", () => to.destroy())
  }

  const server = createServer((near) => {
    if (refusing) return void near.destroy()
    const far = connect(target(), "127.0.0.1")
    near.setNoDelay(true)
    far.setNoDelay(true)
    const pair = { near, far }
    pairs.add(pair)
    near.on("close", () => pairs.delete(pair))
    pump(near, far)
    pump(far, near)
    if (stalled) {
      near.pause()
      far.pause()
    }
  })
  const port = await listenOnLoopback(server)
  const cut = () => {
    for (const { near, far } of pairs) {
      near.destroy()
      far.destroy()
    }
  }
  return {
    port,
    stall: () => {
      stalled = true
      for (const { near, far } of pairs) {
        near.pause()
        far.pause()
      }
    },
    flow: () => {
      stalled = false
      refusing = false
      for (const { near, far } of pairs) {
        near.resume()
        far.resume()
      }
    },
    cut,
    down: () => {
      refusing = true
      cut()
    },
    delay: (ms) => {
      delayMs = ms
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      })
  }
}
