import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { errorCatalogue, fieldEntries } from "../errors/catalogue.ts"

/*
 * Chinese text has Chinese punctuation, except in the messages of the contract, which have ASCII commas and are quoted
 * as they stand. Every string of the pages' sources is read, so no text can be forgotten.
 */

const root = resolve(import.meta.dir, "../../..")
const FOLDERS = ["core/http", "core/domain", "channels/sandbox"]

const sources = FOLDERS.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.[jt]s$/.test(path) && !/\.(test|fixture)\.ts$/.test(path))
    .map((path) => join(folder, path))
)

const HAN = String.raw`\p{Script=Han}`
const WRONG = new RegExp(`${HAN}[,.:;?!()]|[,.:;?!()]${HAN}`, "u")

/** A text whose punctuation is wrong, or whose brackets are of two kinds. */
const isWrong = (text: string): boolean =>
  WRONG.test(text) || text.split("（").length !== text.split("）").length || /（[^）]*\)/.test(text)

const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g

const wrongTexts = (source: string): ReadonlyArray<string> =>
  [...source.matchAll(STRING)].map(([literal]) => literal.slice(1, -1)).filter(isWrong)

/** What the API answers; the throttle's seconds are the one thing in it that changes. */
const messages = [...errorCatalogue("zh"), ...fieldEntries("zh")].map(({ message }) => message)

/** Whether a text is such a message. */
const isMessage = (text: string): boolean => messages.includes(text.replace(/\$?\{\w+\}/, "3"))

describe("Chinese text", () => {
  test("is found wrong where an ASCII mark stands beside a Chinese character", () => {
    for (const wrong of ["支付,成功", "金额:1", "好的!", "(测试)", "HTTP 状态(code)", "（见下)"]) {
      expect([wrong, isWrong(wrong)]).toEqual([wrong, true])
    }
    for (const right of ["支付，成功", "金额：1", "http(s) 地址", "1.00 元", "金额（元）", "key=value, a: b"]) {
      expect([right, isWrong(right)]).toEqual([right, false])
    }
    expect(wrongTexts(`const a = { zh: "对,不对", en: "a, b" } // 注释`)).toEqual(["对,不对"])
  })

  test("has Chinese punctuation on every page, in every cause and remedy, and in every script", () => {
    expect(sources.length).toBeGreaterThan(80)
    const wrong = sources.flatMap((path) =>
      wrongTexts(readFileSync(join(root, path), "utf8"))
        .filter((text) => !isMessage(text))
        .map((text) => `${path}: ${text}`)
    )
    expect(wrong).toEqual([])
  })

  test("that the contract quotes stays as the contract has it", () => {
    const quoted = messages.filter(isWrong)
    expect(quoted).toContain("支付链接已过期,请重新生成")
    expect(quoted).toContain("请求过于频繁,请3秒后重试")
    for (const message of messages) expect(message).not.toMatch(/[，：；？！（）]/)
  })
})
