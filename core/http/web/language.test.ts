import { expect, test } from "bun:test"
import { fill, inLanguage } from "../../domain/language.ts"
import { languageOf, pageLanguage } from "./language.ts"

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

test.each([
  ["", "zh", "zh"],
  ["?lang=en", "zh", "en"],
  ["?lang=zh-CN", "en", "zh"],
  ["?lang=EN-us", "zh", "en"],
  ["?lang=", "en", "en"],
  ["?lang=fr", "en", "en"]
] as const)("a page at %p for a browser that prefers %s is in %s", (query, language, expected) => {
  expect(pageLanguage({ url: new URL(`http://localhost/${query}`), language })).toBe(expected)
})

test("a tree of bilingual texts is read in one language, lists and all", () => {
  const texts = { title: { zh: "标题", en: "Title" }, steps: [{ name: { zh: "一", en: "One" } }] }
  const english: { readonly title: string; readonly steps: ReadonlyArray<{ readonly name: string }> } = inLanguage(
    texts,
    "en"
  )
  expect(english).toEqual({ title: "Title", steps: [{ name: "One" }] })
  expect(inLanguage(texts, "zh").steps[0]?.name).toBe("一")
})

test("placeholders are filled once, and those without a value leave nothing behind", () => {
  expect(fill("{who} owes {fen} fen{rest}", { who: "{fen}", fen: 1 })).toBe("{fen} owes 1 fen")
  expect(fill('{"code", "message"} {toString}', {})).toBe('{"code", "message"} ')
})
