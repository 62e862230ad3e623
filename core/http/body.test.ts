import { expect, test } from "bun:test"
import { BODY_BYTES_MAX, isJsonType, readBody } from "./body.ts"

const post = (body: BodyInit, headers: Record<string, string> = {}): Request =>
  new Request("http://gateway/", { method: "POST", body, headers })

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
  expect((await readBody(post("a".repeat(BODY_BYTES_MAX)))) as Uint8Array).toHaveLength(BODY_BYTES_MAX)
  expect(await readBody(post("a".repeat(BODY_BYTES_MAX + 1)))).toBe("too-large")
})

test("a body without a length is cut off as soon as it is too large", async () => {
  let pulled = 0
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulled++
      controller.enqueue(new Uint8Array(16_384))
    }
  })
  expect(await readBody(post(endless))).toBe("too-large")
  expect(pulled).toBeLessThan(20)
})

test("no body is an empty one", async () => {
  expect((await readBody(new Request("http://gateway/", { method: "POST" }))) as Uint8Array).toHaveLength(0)
})
