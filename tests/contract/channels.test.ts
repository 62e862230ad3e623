import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { readAnswer } from "../harness/merchant-client.ts"

/* Section 11 of the contract. */

const TABLE = [
  ["YINSHENG_QRCODE", "银盛聚合扫码", "aggregate"],
  ["alipay_h5", "支付宝 H5", "alipay"],
  ["alipay_pc", "支付宝 PC", "alipay"],
  ["alipay_app", "支付宝 APP", "alipay"],
  ["wxpay_h5", "微信 H5", "wxpay"],
  ["wxpay_native", "微信 Native", "wxpay"],
  ["wxpay_js", "微信 JSAPI", "wxpay"],
  ["wxpay_app", "微信 APP", "wxpay"],
  ["unionpay_h5", "银联 H5", "unionpay"]
] as const

setDefaultTimeout(60_000)

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway?.stop())

type Row = { code: string; name: string; type: string; live: boolean; test: boolean }
const channels = async (language?: string) => {
  const headers: Record<string, string> = language === undefined ? {} : { "Accept-Language": language }
  const answer = await readAnswer(await fetch(`${gateway.url}/api/cashier/channels`, { headers }))
  expect([answer.code, answer.message]).toEqual([200, "ok"])
  return answer.data?.channels as ReadonlyArray<Row>
}

test.each(TABLE)("the list has %s, %s, of type %s, open to test-mode merchants", async (code, name, type) => {
  const rows = (await channels()).filter((row) => row.code === code)
  expect(rows.length).toBe(1)
  expect(rows[0]).toMatchObject({ code, name, type, test: true })
})

test("the list says of every code whether an account serves it now: none does without one", async () => {
  for (const row of await channels()) expect([row.code, row.live]).toEqual([row.code, false])
})

test("names follow Accept-Language, codes and types do not", async () => {
  const [chinese, english] = [await channels("zh-CN"), await channels("en")]
  expect(english.map(({ code, type, live, test }) => ({ code, type, live, test }))).toEqual(
    chinese.map(({ code, type, live, test }) => ({ code, type, live, test }))
  )
  for (const { name } of english) expect(name).toMatch(/^[ -~]+$/)
})

test("no code is listed twice", async () => {
  const codes = (await channels()).map(({ code }) => code)
  expect(new Set(codes).size).toBe(codes.length)
})
