import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { parseFlatJson } from "./flat-json.ts"

const parse = (text: string) => parseFlatJson(new TextEncoder().encode(text))

describe("A flat body", () => {
  test("keeps the text of every value as it was sent", () => {
    const parsed = parse('{"a":"x\\u0041\\n","b":1.50,"c":-0,"d":1e2,"e":true,"f":null,"":"empty key","__proto__":"p"}')
    expect(Object.fromEntries([...(parsed ?? [])].map(([key, { kind, text }]) => [key, `${kind}:${text}`]))).toEqual(
      Object.fromEntries([
        ["a", "string:xA\n"],
        ["b", "number:1.50"],
        ["c", "number:-0"],
        ["d", "number:1e2"],
        ["e", "boolean:true"],
        ["f", "null:"],
        ["", "string:empty key"],
        ["__proto__", "string:p"]
      ])
    )
  })

  test("is read whenever JSON.stringify has written it", () => {
    const value = fc.oneof(
      fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed() && !text.includes("\0")),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n)),
      fc.boolean(),
      fc.constant(null)
    )
    const key = fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed() && !text.includes("\0"))
    fc.assert(
      fc.property(fc.dictionary(key, value), fc.constantFrom(0, 2), (object, indent) => {
        const parsed = parse(JSON.stringify(object, null, indent))
        expect(parsed).toBeDefined()
        for (const [name, { kind, text }] of parsed ?? []) {
          const sent = object[name]
          expect(kind === "null" ? null : kind === "string" ? text : JSON.parse(text)).toEqual(
            Object.is(sent, -0) ? 0 : sent
          )
        }
        expect(parsed?.size).toBe(Object.keys(object).length)
      })
    )
  })

  test("is refused wherever JSON.parse refuses it", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0041 1-.eE+ntrufals'.split("")) }), (text) => {
        let valid = true
        try {
          JSON.parse(text)
        } catch {
          valid = false
        }
        if (!valid) expect(parse(text)).toBeUndefined()
      }),
      { numRuns: 2_000 }
    )
  })

  test.each([
    "",
    " ",
    "null",
    "[]",
    '"a"',
    "1",
    "{",
    "{}x",
    '{"a":1,}',
    '{"a" 1}',
    "{'a':1}",
    '{"a":{}}',
    '{"a":[]}',
    '{"a":undefined}',
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"a":"\\ud800"}',
    '{"\\udc00":1}',
    '{"a":"\\u0000"}',
    '{"a":"\t"}',
    '{"a":9007199254740992}',
    '{"a":-9007199254740992}',
    '{"a":1e400}',
    '{"a":1e16}',
    '{"a":01}',
    '{"a":+1}',
    '{"a":.5}',
    '{"a":0x10}',
    '{"a":NaN}',
    '{"a":tru}',
    '\ufeff{"a":1}',
    '{"a":1}\u00a0'
  ])("is not %j", (text) => {
    expect(parse(text)).toBeUndefined()
  })

  test.each(['{"a":9007199254740991}', "{}", ' {"a" : 1 } \n', '{"a":"\\ud83d\\ude00"}'])("is %j", (text) => {
    expect(parse(text)).toBeDefined()
  })

  test("is refused if it is not UTF-8", () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      expect(parseFlatJson(Uint8Array.from([...Buffer.from('{"a":"'), ...bytes, ...Buffer.from('"}')]))).toBeUndefined()
    }
  })
})
