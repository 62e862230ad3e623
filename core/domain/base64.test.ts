import { expect, test } from "bun:test"
import fc from "fast-check"
import { bytesOfBase64 } from "./base64.ts"

test("bytes come back from their own Base64", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      expect(bytesOfBase64(Buffer.from(bytes).toString("base64"))).toEqual(Buffer.from(bytes))
    })
  )
})

test.each([
  ["nothing", ""],
  ["no padding", "/+8"],
  ["too much padding", "/+8=="],
  ["the URL's alphabet", "_-8="],
  ["a line end", "/+8=\n"],
  ["a space inside", "/+ 8="],
  ["bits that are dropped", "/+9="],
  ["something behind the padding", "/+8=A"],
  ["a stray character", "/+8*="]
])("Base64 with %s is refused", (_what, text) => {
  expect(bytesOfBase64("/+8=")).toEqual(Buffer.from([0xff, 0xef]))
  expect(bytesOfBase64(text)).toBeUndefined()
})
