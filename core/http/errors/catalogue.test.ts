import { describe, expect, test } from "bun:test"
import { type CashierError, FieldsInvalid } from "../../domain/errors.ts"
import { errorResponse, frameworkError } from "../envelope.ts"
import { FIELD_MESSAGES, type FieldFault, fieldOf } from "../merchant/field-messages.ts"
import { type CatalogueEntry, errorCatalogue, errorEntries, fieldEntries, frameworkEntry } from "./catalogue.ts"
import { FRAMEWORK, type FrameworkName } from "./gateway.ts"
import { casesOf, type Row } from "./row.ts"
import { ROWS } from "./rows.ts"

const REQUEST_ID = "req_0123456789abcdef01234567"
const tags = Object.keys(ROWS) as ReadonlyArray<keyof typeof ROWS>
const frameworkNames = Object.keys(FRAMEWORK) as ReadonlyArray<FrameworkName>

/** The gateway's response in the form of a catalogue entry. */
const answered = async (response: Response): Promise<Pick<CatalogueEntry, "code" | "message" | "data" | "headers">> => {
  const { code, message, data } = (await response.json()) as CatalogueEntry
  expect(response.status).toBe(code)
  const ofEveryAnswer = ["content-type", "cache-control", "x-content-type-options", "x-request-id"]
  const headers = Object.fromEntries([...response.headers].filter(([name]) => !ofEveryAnswer.includes(name)))
  return { code, message, data, headers }
}

const documented = ({ code, message, data, headers }: CatalogueEntry) => ({ code, message, data, headers })

describe.each(["zh", "en"] as const)("The catalogue in %s", (language) => {
  const context = { language, requestId: REQUEST_ID }
  const all = [...errorCatalogue(language), ...fieldEntries(language)]

  test.each(tags)("shows %s as the gateway answers it", async (tag) => {
    const cases = casesOf(ROWS[tag] as Row<CashierError>)
    const responses = cases.map(({ error }) => answered(errorResponse(context, error)))
    expect(await Promise.all(responses)).toEqual(errorEntries(tag, language).map(documented))
  })

  test.each(frameworkNames)("shows %s as the gateway answers it", async (name) => {
    expect(await answered(frameworkError(context, FRAMEWORK[name]))).toEqual(documented(frameworkEntry(name, language)))
  })

  test("shows each field fault as the gateway answers it", async () => {
    for (const entry of fieldEntries(language)) {
      const fault = entry.name as FieldFault
      const error = new FieldsInvalid({ errors: [{ field: fieldOf(fault), messages: [fault] }] })
      const answer = await answered(errorResponse(context, error))
      expect(answer).toEqual(documented(entry))
      expect(answer).toMatchObject({ code: 422, message: FIELD_MESSAGES[fault][language] })
    }
  })

  test("is ordered by status, and under one status by the order of the contract's checks", () => {
    const entries = errorCatalogue(language)
    const codes = entries.map(({ code }) => code)
    expect(codes).toEqual(codes.toSorted((a, b) => a - b))
    expect(entries.filter(({ code }) => code === 401).map(({ name }) => name)).toEqual([
      "AppIdMissing",
      "MerchantUnknown",
      "SignatureInvalid",
      "MerchantDisabled",
      "TimestampExpired",
      "IpForbidden",
      "NonceUsed"
    ])
  })

  test("has no empty text and no unfilled placeholder", () => {
    for (const { name, message, cause, remedy } of all) {
      for (const text of [message, cause, remedy])
        expect([name, text]).toEqual([name, expect.stringMatching(/^[^{}]+$/)])
    }
  })

  test("advises one remedy for answers that look alike: same code, message and members of data", () => {
    const looks = Map.groupBy(all, ({ code, message, data }) =>
      JSON.stringify([code, message, Object.keys(data ?? {})])
    )
    const ambiguous = [...looks.values()].filter((alike) => new Set(alike.map(({ remedy }) => remedy)).size > 1)
    expect(ambiguous.map((alike) => alike.map(({ name }) => name))).toEqual([
      // FieldsInvalid stands for the faults of all fields; its example is the second entry.
      ["FieldsInvalid", "merchant_order_no.missing"],
      // One message covers the type and the values.
      ["isMiniPg.type", "isMiniPg.value"]
    ])
  })
})

test("The catalogue has the codes and messages of the contract, and no others", () => {
  const contract: Readonly<Record<number, ReadonlyArray<string>>> = {
    400: [
      "请求格式错误",
      "商户订单号已存在,请勿重复提交",
      "金额必须大于 0",
      "order_no 和 merchant_order_no 至少传一个",
      "支付渠道不可用",
      "支付链接已过期,请重新生成",
      "订单已由其他付款人发起支付"
    ],
    401: [
      "缺少 app_id 参数",
      "商户不存在",
      "商户已停用",
      "请求已过期,请检查 timestamp",
      "IP 未授权",
      "签名验证失败",
      "请求重复,nonce 已使用"
    ],
    404: ["订单不存在", "接口不存在"],
    405: ["请求方法不支持"],
    413: ["请求体过大"],
    415: ["Content-Type 必须为 application/json"],
    422: ["商户订单号不能为空", "金额不能为空", "金额必须为整数", "回调地址不能为空"],
    429: ["请求过于频繁,请3秒后重试"],
    500: ["服务异常"],
    503: ["服务繁忙,请稍后重试"]
  }
  const entries = [...errorCatalogue("zh"), ...fieldEntries("zh")]
  for (const [code, messages] of Object.entries(contract)) {
    const found = entries.filter((entry) => entry.code === Number(code)).map(({ message }) => message)
    expect(found).toEqual(expect.arrayContaining([...messages]))
  }
  const known = Object.values(contract).flat()
  const others = errorCatalogue("zh")
    .map(({ message }) => message)
    .filter((message) => !known.includes(message))
  expect(others).toEqual([])
})
