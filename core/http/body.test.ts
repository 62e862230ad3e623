import { expect, test } from "bun:test"
import { BODY_BYTES_MAX, isJsonType, readBody } from "./body.ts"
import { UNREAD_LIMITS, UnreadBodies } from "./unread-bodies.ts"

const post = (body: BodyInit, headers: Record<string, string> = {}): Request =>
  new Request("http://gateway/", { method: "POST", body, headers })

const read = async (request: Request) => {
  const unread = new UnreadBodies(UNREAD_LIMITS, () => false)
  const body = await readBody(request, "192.0.2.1", unread)
  expect(unread.count).toBe(0)
  return body
}

test.each([
  ["application/json", true],
  ["Application/JSON; charset=utf-8", true],
  ['application/json;charset="UTF-8"', true],
  ["application/json; profile=x; charset=utf8", true],
  ["application/json; charset=gbk", false],
  ["text/json", false],
  ["application/jsonp", false],
  ["application/x-www-form-urlencoded", false],
  ["", false],
  [null, false]
])("the content type %p is JSON in UTF-8: %p", (type, expected) => {
  expect(isJsonType(type)).toBe(expected)
})

test("a body of exactly the limit is read, one byte more is refused", async () => {
  expect((await read(post("a".repeat(BODY_BYTES_MAX)))) as Uint8Array).toHaveLength(BODY_BYTES_MAX)
  expect(await read(post("a".repeat(BODY_BYTES_MAX + 1)))).toBe("too-large")
})

const bodyOf = (bytes: number) => {
  const seen = { pulled: 0 }
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      seen.pulled += 16_384
      controller.enqueue(new Uint8Array(16_384))
      if (seen.pulled >= bytes) controller.close()
    }
  })
  return { seen, stream }
}

test("a body without a declared length is drained for a while once it is too large, then cut off", async () => {
  const endless = bodyOf(Number.POSITIVE_INFINITY)
  expect(await read(post(endless.stream))).toBe("too-large")
  expect(endless.seen.pulled).toBeLessThan(2.5 * 1024 * 1024)
})

test("a body that is a little too large is read to its end, so that its sender gets the answer", async () => {
  const large = bodyOf(512 * 1024)
  expect(await read(post(large.stream))).toBe("too-large")
  expect(large.seen.pulled).toBe(512 * 1024)
})

test("a body that stalls once it is too large is not waited for", async () => {
  const stalled = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(BODY_BYTES_MAX + 1))
  })
  const startedAt = performance.now()
  expect(await read(post(stalled))).toBe("too-large")
  expect(performance.now() - startedAt).toBeLessThan(3_000)
})

test("a request without a body has an empty one", async () => {
  expect((await read(new Request("http://gateway/", { method: "POST" }))) as Uint8Array).toHaveLength(0)
})
