import { expect, test } from "bun:test"
import { fill, inLanguage } from "./language.ts"

const TEXTS = {
  title: { zh: "标题", en: "Title" },
  deep: {
    pair: [
      { zh: "一", en: "one" },
      { zh: "二", en: "two" }
    ]
  }
} as const

test("a tree of texts becomes a tree of one language's strings, lists stay lists", () => {
  expect(inLanguage(TEXTS, "zh")).toEqual({ title: "标题", deep: { pair: ["一", "二"] } })
  expect(inLanguage(TEXTS, "en")).toEqual({ title: "Title", deep: { pair: ["one", "two"] } })
})

test.each([
  ["{a} of {b}", { a: 1, b: "two" }, "1 of two"],
  ["{a}{a}", { a: "x" }, "xx"],
  ["no value: {c}.", {}, "no value: ."],
  ["no such value: {toString}.", {}, "no such value: ."],
  [`{"code": 1, {field: [text, …]}}`, {}, `{"code": 1, {field: [text, …]}}`],
  ["{a}", { a: "{b}", b: "never" }, "{b}"]
])("%p filled with %p is %p", (text, values, filled) => {
  expect(fill(text, values)).toBe(filled)
})
