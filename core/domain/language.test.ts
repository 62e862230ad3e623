import { expect, test } from "bun:test"
import { fill, inBothLanguages } from "./language.ts"

test("a tree of texts becomes one tree of strings per language, lists stay lists", () => {
  const { zh, en } = inBothLanguages({
    title: { zh: "标题", en: "Title" },
    deep: {
      pair: [
        { zh: "一", en: "one" },
        { zh: "二", en: "two" }
      ]
    }
  })
  expect(zh).toEqual({ title: "标题", deep: { pair: ["一", "二"] } })
  expect(en).toEqual({ title: "Title", deep: { pair: ["one", "two"] } })
})

test("an object that only happens to have one of the two names is a branch", () => {
  expect(inBothLanguages({ zh: { zh: "中文", en: "Chinese" } }).en).toEqual({ zh: "Chinese" })
})

test.each([
  ["{a} of {b}", { a: 1, b: "two" }, "1 of two"],
  ["{a}{a}", { a: "x" }, "xx"],
  ["no value: {c}.", {}, "no value: ."],
  [`{"code": 1, {field: [text, …]}}`, {}, `{"code": 1, {field: [text, …]}}`],
  ["{a}", { a: "{b}", b: "never" }, "{b}"]
])("%p filled with %p is %p", (text, values, filled) => {
  expect(fill(text, values)).toBe(filled)
})
