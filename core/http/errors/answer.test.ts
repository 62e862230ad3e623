import { describe, expect, test } from "bun:test"
import {
  type CashierError,
  ChargeUncertain,
  FieldsInvalid,
  Overloaded,
  SignatureInvalid,
  ThrottleExceeded
} from "../../domain/errors.ts"
import type { Language } from "../../domain/language.ts"
import { answerIn, answerTo } from "./answer.ts"
import { FRAMEWORK } from "./gateway.ts"

describe("The answer", () => {
  const answerOf = (error: CashierError, language: Language = "en") => answerTo(error, { language, requestId: "req_1" })

  test("to a failed signature links the signature debugger for test merchants only", () => {
    expect(answerOf(new SignatureInvalid({ testMode: true })).headers).toEqual({
      link: '</tools/sign>; rel="help"'
    })
    expect(answerOf(new SignatureInvalid({})).headers).toEqual({})
  })

  test.each([
    [0, 0, "1 second", "1"],
    [1, 1_000, "1 second", "1"],
    [1_500, 3_600_000, "3600 seconds", "2"]
  ] as const)(
    "after %d ms of a throttle's window of %d ms says %s, Retry-After %s",
    (retryAfterMs, windowMs, said, header) => {
      const { message, headers } = answerOf(new ThrottleExceeded({ retryAfterMs, windowMs }))
      expect(message).toBe(`Too many requests, try again in ${said}`)
      expect(headers).toEqual({ "retry-after": header })
    }
  )

  test("to faulty fields lists all messages of each field; its own message is the first field's first", () => {
    const error = new FieldsInvalid({
      errors: [
        { field: "amount", messages: ["amount.integer", "amount.max"] },
        { field: "openid", messages: ["payer.both"] }
      ]
    })
    expect(answerOf(error, "zh")).toMatchObject({
      message: "金额必须为整数",
      data: {
        errors: { amount: ["金额必须为整数", "金额不能超过 10000000000 分"], openid: ["openid 和 code 只能传一个"] }
      }
    })
  })

  test("shows a field's text unchanged if it is not a known fault", () => {
    const error = new FieldsInvalid({ errors: [{ field: "x", messages: ["as it is", "constructor"] }] })
    expect(answerOf(error)).toMatchObject({
      message: "as it is",
      data: { errors: { x: ["as it is", "constructor"] } }
    })
  })

  test("with status 500 carries the request id, and the order's number if there is one", () => {
    expect(answerOf(new ChargeUncertain({ orderNo: "QR1" })).data).toEqual({ order_no: "QR1", request_id: "req_1" })
    expect(answerIn(FRAMEWORK.internal, { language: "en", requestId: "req_1" }).data).toEqual({ request_id: "req_1" })
    expect(answerOf(new Overloaded()).data).toBeNull()
  })
})
