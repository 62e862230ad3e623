import { type Readable, Transform, type Writable } from "node:stream"

/*
 * Messages between a worker and its parent over the worker's stdin and stdout. A record is a JSON text between a record
 * separator and a line feed (RFC 7464); other output of the worker passes through. Nobody else holds these pipes, so
 * they need no secret.
 */

const RECORD_SEPARATOR = 0x1e
const LINE_FEED = 0x0a
/** Longest record; longer bytes after a separator are passed through as other output. */
const RECORD_BYTES_MAX = 16 << 20

/** An end that owes this many answers is treated as hung: it is asked nothing more until it gives one. */
const UNANSWERED_MAX = 64

export interface PipeOptions {
  readonly input: Readable
  readonly output: Writable
  /** Receives the other end's bytes that are not records; absent = they are dropped. */
  readonly rest?: Writable
  /** Receives what the other end tells without being asked. */
  readonly told?: (value: unknown) => void
  /** Makes the answer to the other end's question. */
  readonly answer: () => unknown
}

export interface Pipe {
  readonly tell: (value: unknown) => void
  /** The other end's answer; null = no answer within `waitMs`, or the other end is gone. */
  readonly ask: (waitMs: number) => Promise<unknown>
}

type Message = { readonly tell: unknown } | { readonly ask: number } | { readonly to: number; readonly answer: unknown }

export const openPipe = ({ input, output, rest, told, answer }: PipeOptions): Pipe => {
  const unanswered = new Map<number, (value: unknown) => void>()
  let asked = 0
  let ended = false
  const send = (message: Message): void => {
    output.write(`${String.fromCharCode(RECORD_SEPARATOR)}${JSON.stringify(message)}\n`)
  }
  const receive = async (message: Message): Promise<void> => {
    if ("tell" in message) told?.(message.tell)
    else if ("ask" in message) send({ to: message.ask, answer: await Promise.try(answer).catch(() => null) })
    else {
      unanswered.get(message.to)?.(message.answer)
      unanswered.delete(message.to)
    }
  }
  const end = (): void => {
    ended = true
    for (const resolve of unanswered.values()) resolve(null)
    unanswered.clear()
  }
  const others = input.once("end", end).once("close", end).pipe(withoutRecords(receive))
  if (rest === undefined) others.resume()
  else others.pipe(rest, { end: false })
  // The end of its input already shows that the other end is gone.
  output.on("error", () => undefined)

  const ask = (waitMs: number): Promise<unknown> =>
    new Promise((resolve) => {
      if (ended || unanswered.size >= UNANSWERED_MAX) return resolve(null)
      const timer = setTimeout(() => resolve(null), waitMs)
      unanswered.set(++asked, (value) => {
        clearTimeout(timer)
        resolve(value)
      })
      send({ ask: asked })
    })
  return { tell: (value) => send({ tell: value }), ask }
}

/** Takes the records out of a stream and passes the rest on. */
const withoutRecords = (receive: (message: Message) => void): Transform => {
  /** The bytes so far of a record that has begun, its separator included. */
  let begun: Array<Buffer> | undefined
  let begunBytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let left = chunk
      while (left.length > 0) {
        const at = left.indexOf(begun === undefined ? RECORD_SEPARATOR : LINE_FEED)
        const part = at < 0 ? left : left.subarray(0, begun === undefined ? at : at + 1)
        left = left.subarray(part.length)
        if (begun === undefined) {
          if (part.length > 0) this.push(part)
          if (at < 0) break
          begun = []
          begunBytes = 0
          continue
        }
        begun.push(part)
        begunBytes += part.length
        if (at < 0 && begunBytes <= RECORD_BYTES_MAX) break
        const bytes = Buffer.concat(begun)
        begun = undefined
        const message = messageOf(bytes)
        if (message === undefined) this.push(bytes)
        else receive(message)
      }
      done()
    },
    flush(done) {
      done(null, begun === undefined ? undefined : Buffer.concat(begun))
    }
  })
}

const messageOf = (record: Buffer): Message | undefined => {
  try {
    const value: unknown = JSON.parse(record.subarray(1).toString("utf8"))
    return typeof value === "object" && value !== null ? (value as Message) : undefined
  } catch {
    return undefined
  }
}
