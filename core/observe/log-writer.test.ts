import { expect, test } from "bun:test"
import fc from "fast-check"
import { LogWriter, type Write } from "./log-writer.ts"

/** A reader that takes bytes only when it is told to. */
const makeReader = () => {
  let pending: { readonly bytes: Uint8Array; readonly done: Parameters<Write>[1] } | undefined
  let text = ""
  const write: Write = (bytes, done) => {
    expect(pending).toBeUndefined()
    pending = { bytes, done }
  }
  return {
    write,
    text: () => text,
    waits: () => pending !== undefined,
    /** Takes at most `count` bytes of the write under way. */
    take: (count = Number.POSITIVE_INFINITY) => {
      const asked = pending
      if (asked === undefined) return
      pending = undefined
      const taken = asked.bytes.subarray(0, Math.min(count, asked.bytes.length))
      text += Buffer.from(taken).toString("latin1")
      asked.done(null, taken.length)
    },
    fail: (code: string) => {
      const asked = pending
      pending = undefined
      asked?.done(Object.assign(new Error(code), { code }), 0)
    }
  }
}

test("lines arrive whole and in order, however few bytes the reader takes at a time", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: "grapheme-ascii" }), fc.integer({ min: 1, max: 9 }))), (steps) => {
      const reader = makeReader()
      const writer = new LogWriter(reader.write)
      for (const [line, taken] of steps) {
        writer.line(`${line}\n`)
        reader.take(taken)
      }
      while (reader.waits()) reader.take()
      expect(reader.text()).toBe(steps.map(([line]) => `${line}\n`).join(""))
    })
  )
})

test("a reader that stands still costs at most 1 MiB, and is told what it missed", () => {
  const reader = makeReader()
  const writer = new LogWriter(reader.write)
  const line = `${"x".repeat(1023)}\n`
  for (let i = 0; i < 5000; i++) writer.line(line)
  while (reader.waits()) reader.take()
  const lines = reader.text().trimEnd().split("\n")
  const told = JSON.parse(lines.find((text) => text.startsWith("{")) ?? "{}") as { dropped?: number }
  expect(lines.length - 1).toBeLessThanOrEqual(1025)
  expect(lines.length - 1 + Number(told.dropped)).toBe(5000)
  writer.line("again\n")
  while (reader.waits()) reader.take()
  expect(reader.text().endsWith("\nagain\n")).toBe(true)
})

test("a reader that is gone stops nothing, and flush does not wait for one that never reads", async () => {
  const reader = makeReader()
  const writer = new LogWriter(reader.write)
  writer.line("a\n")
  reader.fail("EPIPE")
  expect(reader.waits()).toBe(false)
  writer.line("b\n")
  await writer.flush(1)
  const flushed = writer.flush(60_000)
  reader.take()
  await flushed
  expect(reader.text()).toBe("b\n")
})
