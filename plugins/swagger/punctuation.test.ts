import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { errorCatalogue, fieldEntries } from "../../core/http/errors/catalogue.ts"

/** The messages that the contract writes with ASCII commas; the documentation quotes them as they are. */
const QUOTED = [...errorCatalogue("zh"), ...fieldEntries("zh")].map(({ message }) => message)

/** ASCII punctuation beside a Han character, marks of Markdown between them aside. */
const WRONG = /\p{Script=Han}[`*\\]*[,;:!?()]|[,;:!?()][`*\\]*\p{Script=Han}/u

const faults = (source: string): ReadonlyArray<string> => {
  const own = QUOTED.reduce((text, message) => text.replaceAll(message, ""), source)
  // The end of a Markdown link is no punctuation.
  return own
    .replaceAll(/\]\([^)\s]*\)/g, "")
    .split("\n")
    .filter((line) => WRONG.test(line))
}

test("Chinese text of the documentation has Chinese punctuation, except in messages that it quotes", () => {
  const folder = new URL("./", import.meta.url)
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:ts|js)$/.test(name) && !name.endsWith(".test.ts"))
    .map((name) => new URL(name, folder))
  expect(sources.length).toBeGreaterThan(10)
  for (const source of sources)
    expect([source.pathname, faults(readFileSync(source, "utf8"))]).toEqual([source.pathname, []])
  expect(faults("金额,单位为分")).toHaveLength(1)
  expect(faults("返回 `null`:没有")).toHaveLength(1)
  expect(faults("返回 400 `请求已过期,请检查 timestamp`，见[错误码](/swagger/errors)。")).toEqual([])
})
