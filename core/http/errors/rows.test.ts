import { describe, expect, test } from "bun:test"
import * as errors from "../../domain/errors.ts"
import { errorResponse, frameworkError } from "../envelope.ts"
import { FIELD_MESSAGES, type FieldFault, fieldOf } from "../merchant/field-messages.ts"
import type { Language } from "../web/language.ts"
import { type CatalogueEntry, errorCatalogue, errorEntries, fieldEntries, frameworkEntry } from "./catalogue.ts"
import { FRAMEWORK, type FrameworkName, GATEWAY_ROWS } from "./gateway.ts"
import { ORDER_ROWS } from "./order.ts"
import { PAYER_ROWS } from "./payer.ts"
import { REQUEST_ROWS } from "./request.ts"
import type { Row } from "./row.ts"
import { ROWS } from "./rows.ts"

const LANGUAGES = ["zh", "en"] as const satisfies ReadonlyArray<Language>
const REQUEST_ID = "req_0123456789abcdef01234567"
const tags = Object.keys(ROWS) as ReadonlyArray<keyof typeof ROWS>
const frameworkNames = Object.keys(FRAMEWORK) as ReadonlyArray<FrameworkName>

const casesOf = (tag: keyof typeof ROWS) => {
  const row = ROWS[tag] as Row<errors.CashierError>
  return "cases" in row ? row.cases : [row]
}

/** What a catalogue entry says of its answer, as the gateway's response shows it. */
const answered = async (response: Response): Promise<Pick<CatalogueEntry, "code" | "message" | "data" | "headers">> => {
  const { code, message, data } = (await response.json()) as CatalogueEntry
  expect(response.status).toBe(code)
  const ofEveryAnswer = ["content-type", "cache-control", "x-content-type-options", "x-request-id"]
  const headers = Object.fromEntries([...response.headers].filter(([name]) => !ofEveryAnswer.includes(name)))
  return { code, message, data, headers }
}

const documented = ({ code, message, data, headers }: CatalogueEntry) => ({ code, message, data, headers })

describe("The rows of errors", () => {
  test("are one for each error of the domain, each in one file", () => {
    const names = [REQUEST_ROWS, ORDER_ROWS, PAYER_ROWS, GATEWAY_ROWS].flatMap((rows) => Object.keys(rows))
    expect(names.toSorted()).toEqual(Object.keys(errors).toSorted())
  })

  test("are documented under their own tag", () => {
    for (const tag of tags) {
      expect(casesOf(tag).map(({ error }) => error._tag)).toEqual(casesOf(tag).map(() => tag))
    }
  })
})

describe.each(LANGUAGES)("The catalogue in %s", (language) => {
  const context = { language, requestId: REQUEST_ID }
  const all = [...errorCatalogue(language), ...fieldEntries(language)]

  test.each(tags)("shows %s as the gateway answers it", async (tag) => {
    const responses = casesOf(tag).map(({ error }) => answered(errorResponse(context, error)))
    expect(await Promise.all(responses)).toEqual(errorEntries(tag, language).map(documented))
  })

  test.each(frameworkNames)("shows %s as the gateway answers it", async (name) => {
    expect(await answered(frameworkError(context, FRAMEWORK[name]))).toEqual(documented(frameworkEntry(name, language)))
  })

  test("shows each field fault as the gateway answers it", async () => {
    for (const entry of fieldEntries(language)) {
      const fault = entry.name as FieldFault
      const error = new errors.FieldsInvalid({ errors: [{ field: fieldOf(fault), messages: [fault] }] })
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

  test("leaves no text empty and no placeholder unfilled", () => {
    for (const { name, message, cause, remedy } of all) {
      for (const text of [message, cause, remedy])
        expect([name, text]).toEqual([name, expect.stringMatching(/^[^{}]+$/)])
    }
  })

  test("advises one remedy wherever answers look alike: same code, message and members of data", () => {
    const looks = Map.groupBy(all, ({ code, message, data }) =>
      JSON.stringify([code, message, Object.keys(data ?? {})])
    )
    const ambiguous = [...looks.values()].filter((alike) => new Set(alike.map(({ remedy }) => remedy)).size > 1)
    expect(ambiguous.map((alike) => alike.map(({ name }) => name))).toEqual([
      // The first stands for all faults of fields, and its example is the second.
      ["FieldsInvalid", "merchant_order_no.missing"],
      // One sentence says all that is allowed: both the type and the values.
      ["isMiniPg.type", "isMiniPg.value"]
    ])
  })
})

describe("An answer", () => {
  const answerOf = (error: errors.CashierError, language: Language = "en") =>
    answered(errorResponse({ language, requestId: REQUEST_ID }, error))

  test("to a failed signature links the signature debugger for test merchants only", async () => {
    expect((await answerOf(new errors.SignatureInvalid({ testMode: true }))).headers).toEqual({
      link: '</tools/sign>; rel="help"'
    })
    expect((await answerOf(new errors.SignatureInvalid({}))).headers).toEqual({})
  })

  test.each([
    [0, 0, "1 second", "1"],
    [1, 1_000, "1 second", "1"],
    [1_500, 3_600_000, "3600 seconds", "2"]
  ] as const)(
    "after %d ms of a throttle's window of %d ms says %s, Retry-After %s",
    async (retryAfterMs, windowMs, said, header) => {
      const { message, headers } = await answerOf(new errors.ThrottleExceeded({ retryAfterMs, windowMs }))
      expect(message).toBe(`Too many requests, try again in ${said}`)
      expect(headers).toEqual({ "retry-after": header })
    }
  )

  test("to faulty fields has all messages of each field, the first field's first as its own", async () => {
    const error = new errors.FieldsInvalid({
      errors: [
        { field: "amount", messages: ["amount.integer", "amount.max"] },
        { field: "openid", messages: ["payer.both"] }
      ]
    })
    expect(await answerOf(error, "zh")).toMatchObject({
      message: "金额必须为整数",
      data: {
        errors: { amount: ["金额必须为整数", "金额不能超过 10000000000 分"], openid: ["openid 和 code 只能传一个"] }
      }
    })
  })

  test("shows a field's text that is no known fault as it is", async () => {
    const error = new errors.FieldsInvalid({ errors: [{ field: "x", messages: ["as it is", "constructor"] }] })
    expect(await answerOf(error)).toMatchObject({
      message: "as it is",
      data: { errors: { x: ["as it is", "constructor"] } }
    })
  })
})
