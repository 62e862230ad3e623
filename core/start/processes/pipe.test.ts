import { describe, expect, test } from "bun:test"
import { PassThrough } from "node:stream"
import { openPipe, type PipeOptions } from "./pipe.ts"

/** Longer than a test may take: a test that waits for it fails. */
const LONG_MS = 600_000

type End = Partial<Pick<PipeOptions, "answer" | "told" | "rest">>

/** Two connected ends, and the stream of bytes from the worker. */
const pair = (worker: End, parent: End) => {
  const up = new PassThrough()
  const down = new PassThrough()
  return {
    up,
    worker: openPipe({ input: down, output: up, answer: () => null, ...worker }),
    parent: openPipe({ input: up, output: down, answer: () => null, ...parent })
  }
}

describe("A worker's pipe", () => {
  test("asks in both directions at once, and matches each answer to its question", async () => {
    let asked = 0
    const { worker, parent } = pair({ answer: () => "worker's" }, { answer: async () => ({ number: ++asked }) })
    const answers = await Promise.all([worker.ask(LONG_MS), parent.ask(LONG_MS), worker.ask(LONG_MS)])
    expect(answers).toEqual([{ number: 1 }, "worker's", { number: 2 }])
  })

  test("tells texts of any length and characters, in order", async () => {
    const heard: Array<unknown> = []
    const texts = ["支付\n\u001e{}\n", "x".repeat(1 << 20), { nested: ["\u2028"] }]
    const { up, worker } = pair({}, { told: (value) => heard.push(value) })
    for (const text of texts) worker.tell(text)
    const ended = new Promise((resolve) => up.once("end", resolve))
    up.end()
    await ended
    expect(heard).toEqual(texts)
  })

  test("passes other output through byte for byte, however the stream is cut", async () => {
    const record = Buffer.from(`\u001e${JSON.stringify({ tell: "支付" })}\n`)
    const [before, after] = ["a line\nhalf a line 支", "付 and\u001enone\n\u001enor this"]
    const sent = Buffer.concat([Buffer.from(before), record, record, Buffer.from(after)])
    for (let size = 1; size <= sent.length; size++) {
      const heard: Array<unknown> = []
      const input = new PassThrough()
      const rest = new PassThrough()
      openPipe({ input, output: new PassThrough(), rest, told: (value) => heard.push(value), answer: () => null })
      for (let at = 0; at < sent.length; at += size) input.write(sent.subarray(at, at + size))
      input.end()
      let passed = Buffer.alloc(0)
      for await (const chunk of rest) {
        passed = Buffer.concat([passed, chunk])
        if (passed.length >= sent.length - 2 * record.length) break
      }
      expect(passed.toString()).toBe(before + after)
      expect(heard).toEqual(["支付", "支付"])
    }
  })

  test("gives up on an end that hangs, has ended or owes too many answers, instead of waiting", async () => {
    const { worker } = pair({}, { answer: () => new Promise(() => undefined) })
    expect(await worker.ask(1)).toBeNull()

    const { up, parent } = pair({ answer: () => new Promise(() => undefined) }, {})
    const underWay = parent.ask(LONG_MS)
    up.end()
    expect(await underWay).toBeNull()
    expect(await parent.ask(LONG_MS)).toBeNull()

    let questions = 0
    const owing = pair({}, { answer: () => new Promise(() => questions++) })
    for (let i = 0; i < 200; i++) await owing.worker.ask(0)
    expect(questions).toBe(64)
  })

  test("asks an end that owed too many answers again once it has answered", async () => {
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const { worker } = pair({}, { answer: () => released.then(() => "late") })
    for (let i = 0; i < 70; i++) await worker.ask(0)
    release()
    let answer: unknown = null
    while (answer === null) {
      await new Promise((resolve) => setImmediate(resolve))
      answer = await worker.ask(10)
    }
    expect(answer).toBe("late")
  })
})
