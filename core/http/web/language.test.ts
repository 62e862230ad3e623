import { expect, test } from "bun:test"
import { languageOf } from "./language.ts"

test.each([
  [null, "zh"],
  ["", "zh"],
  ["en", "en"],
  ["en-US,en;q=0.9", "en"],
  ["zh-CN,zh;q=0.9,en;q=0.8", "zh"],
  ["en;q=0.8,zh;q=0.9", "zh"],
  ["fr, en;q=0.5", "en"],
  ["fr", "zh"],
  ["*", "zh"],
  ["en;q=0", "zh"],
  ["EN", "en"]
] as const)("Accept-Language %p is answered in %s", (header, language) => {
  expect(languageOf(header)).toBe(language)
})
