import { beforeAll, describe, expect, test } from "bun:test"
import { validate } from "@readme/openapi-parser"
import { Effect, Exit } from "effect"
import type { ListedChannel } from "../../core/cashier/channel-list.ts"
import { CHANNEL_CODES } from "../../core/domain/channel-code.ts"
import type { Parameters } from "../../core/domain/parameters.ts"
import { canonicalString, hmacSha256 } from "../../core/domain/signature.ts"
import { errorCatalogue, fieldEntries } from "../../core/http/errors/catalogue.ts"
import { FRAMEWORK } from "../../core/http/errors/gateway.ts"
import { ROWS } from "../../core/http/errors/rows.ts"
import { FIELD_MESSAGES } from "../../core/http/merchant/field-messages.ts"
import {
  fieldDecoder,
  jsapiPayInfoFields,
  orderQueryFields,
  qrcodePayFields,
  wechatJsPayFields
} from "../../core/http/merchant/fields.ts"
import { cashierRoutes } from "../../core/http/merchant/routes.ts"
import type { Language } from "../../core/http/web/language.ts"
import { webhookBody } from "../../core/pipeline/notifier/notifier.ts"
import { renderErrorsPage } from "./errors-page.ts"
import type { Json, JsonObject } from "./json-schema.ts"
import { openApiDocument } from "./openapi.ts"
import { isObject, misfit, resolved } from "./schema-check.fixture.ts"
import { KNOWN_ANSWER } from "./signed-example.ts"

const routes = cashierRoutes(() => Promise.resolve(Exit.die("not asked here")))

const channels: ReadonlyArray<ListedChannel> = Object.entries(CHANNEL_CODES).map(([code, product], i) => ({
  product: { code, ...product, ...(i === 1 ? { minFen: 100, maxFen: 500_000 } : {}) },
  live: i % 2 === 0,
  test: true
}))

const make = (language: Language, listed = channels): Promise<JsonObject> =>
  openApiDocument(routes, { language, publicUrl: "https://pay.example.com", version: "1.2.3", channels: listed })

const documents: Record<Language, JsonObject> = { zh: {}, en: {} }
beforeAll(async () => {
  documents.zh = await make("zh")
  documents.en = await make("en")
})

/** A member of the document by its path. */
const at = (document: JsonObject, ...path: ReadonlyArray<string>): JsonObject => {
  let found: Json | undefined = document
  for (const step of path) found = isObject(found) ? found[step] : undefined
  if (!isObject(found)) throw new Error(`the document has no ${path.join(" → ")}`)
  return found
}

/** Every value in the document, with the path to it. */
const everything = function* (value: Json, path: ReadonlyArray<string> = []): Generator<[ReadonlyArray<string>, Json]> {
  yield [path, value]
  if (typeof value !== "object" || value === null) return
  for (const [key, member] of Object.entries(value)) yield* everything(member as Json, [...path, key])
}

interface Operation {
  readonly name: string
  readonly operation: JsonObject
}

const operations = (document: JsonObject): ReadonlyArray<Operation> =>
  [...Object.entries(at(document, "paths")), ...Object.entries(at(document, "webhooks"))].flatMap(([path, item]) =>
    Object.entries(item as Readonly<Record<string, JsonObject>>).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation
    }))
  )

const property = (schema: string, name: string): JsonObject =>
  at(documents.zh, "components", "schemas", schema, "properties", name)

describe("The API document", () => {
  test("is valid, as a validator of the standard sees it", async () => {
    for (const document of Object.values(documents)) {
      // It resolves references in place: a copy, so that the other tests see what is served.
      const { valid, ...complaints } = await validate(structuredClone(document) as never)
      expect(complaints).toMatchObject({ warnings: [] })
      expect(valid).toBe(true)
    }
    const broken = { ...structuredClone(documents.en), paths: { "no-slash": {} } }
    expect((await validate(broken as never)).valid).toBe(false)
  })

  test("is OpenAPI 3.1 with all that the standard requires", () => {
    for (const document of Object.values(documents)) {
      expect(document.openapi).toBe("3.1.0")
      expect(at(document, "info")).toMatchObject({ version: "1.2.3", title: expect.stringContaining("PayHub") })
      expect(document.servers).toEqual([{ url: "https://pay.example.com" }])
      for (const { operation } of operations(document)) {
        expect(typeof operation.operationId).toBe("string")
        expect(typeof operation.summary).toBe("string")
        for (const [code, response] of Object.entries(at(operation, "responses"))) {
          expect(code).toMatch(/^[2-5]\d\d$/)
          expect(typeof (response as JsonObject).description).toBe("string")
        }
      }
      const ids = operations(document).map(({ operation }) => operation.operationId)
      expect(new Set(ids).size).toBe(ids.length)
      const declared = (document.tags as ReadonlyArray<JsonObject>).map(({ name }) => name)
      const used = operations(document).flatMap(({ operation }) => (operation.tags ?? []) as ReadonlyArray<string>)
      expect([...new Set(used)].sort()).toEqual([...declared].sort() as Array<string>)
    }
  })

  test("lists every endpoint of the merchant API and nothing that merchants do not call", () => {
    const served = routes.filter(({ method }) => method !== "OPTIONS").map(({ method, path }) => `${method} ${path}`)
    for (const document of Object.values(documents)) {
      const listed = operations(document).map(({ name }) => name)
      expect(listed.sort()).toEqual([...served, "POST payment"].sort())
    }
  })

  test("is not made when it describes an endpoint that the gateway does not serve", async () => {
    const without = routes.filter(({ path }) => path !== "/api/cashier/pay-state")
    const view = { language: "zh", publicUrl: "", version: "", channels } as const
    await expect(openApiDocument(without, view)).rejects.toThrow("GET /api/cashier/pay-state")
  })

  test("points only at what exists", () => {
    for (const document of Object.values(documents)) {
      const refs = [...everything(document)].filter(([path]) => path.at(-1) === "$ref").map(([, ref]) => String(ref))
      expect(refs.length).toBeGreaterThan(10)
      expect(refs.filter((ref) => resolved(ref, document) === undefined)).toEqual([])
    }
  })

  test("names every loaded channel: its code, its name, its limits, whether it is live", () => {
    for (const language of ["zh", "en"] as const) {
      const table = String(at(documents[language], "paths", "/api/cashier/channels", "get").description)
      for (const { product, live } of channels) {
        const row = table.split("\n").find((line) => line.includes(`\`${product.code}\``)) ?? ""
        expect(row).toContain(language === "zh" ? product.name : product.nameEn)
        expect(row.includes(language === "zh" ? "| 是 | 是 |" : "| yes | yes |")).toBe(live)
      }
      expect(table).toContain("100 – 500000")
    }
    expect(property("QrcodePayRequest", "channel_code").enum).toEqual(Object.keys(CHANNEL_CODES))
    expect(property("Channel", "code").enum).toEqual(Object.keys(CHANNEL_CODES))
  })

  test("forgets a channel that is no longer loaded", async () => {
    const document = await make("en", channels.slice(1))
    expect(JSON.stringify(at(document, "components", "schemas", "Channel"))).not.toContain("YINSHENG_QRCODE")
  })

  test("says the limits of the contract", () => {
    const limits = (schema: string, name: string) => {
      const { maxLength, enum: values, oneOf } = property(schema, name)
      const [integer] = (oneOf ?? []) as ReadonlyArray<JsonObject>
      return maxLength ?? values ?? [integer?.minimum, integer?.maximum]
    }
    const table = (schema: string, names: ReadonlyArray<string>) =>
      Object.fromEntries(names.map((name) => [name, limits(schema, name)]))
    expect(
      table("QrcodePayRequest", ["merchant_order_no", "amount", "notify_url", "body", "extra", "note", "nonce"])
    ).toEqual({
      merchant_order_no: 64,
      amount: [1, 10_000_000_000],
      notify_url: 512,
      body: 4096,
      extra: 4096,
      note: 250,
      nonce: 32
    })
    expect(
      table("WechatJsPayRequest", ["merchant_order_no", "amount", "subOpenId", "isMiniPg", "timeOutExpress", "note"])
    ).toEqual({
      merchant_order_no: 64,
      amount: [1, 10_000_000_000],
      subOpenId: 128,
      isMiniPg: ["1", "2"],
      timeOutExpress: [1, 1440],
      note: 125
    })
    const required = (schema: string) => at(documents.zh, "components", "schemas", schema).required
    const common = ["app_id", "timestamp", "nonce", "sign"]
    expect(required("QrcodePayRequest")).toEqual(["merchant_order_no", "amount", ...common])
    expect(required("WechatJsPayRequest")).toEqual(["merchant_order_no", "amount", ...common])
    expect(required("OrderQueryRequest")).toEqual(common)
    expect(required("JsapiPayInfoRequest")).toEqual(["pay_token"])
  })

  const rules = { webhookAllow: [], ownReceiver: () => "", channelCodes: Object.keys(CHANNEL_CODES) }
  const decoders: Readonly<Record<string, (parameters: Parameters) => Effect.Effect<unknown, unknown>>> = {
    QrcodePayRequest: fieldDecoder(qrcodePayFields(rules)),
    WechatJsPayRequest: fieldDecoder(wechatJsPayFields(rules)),
    OrderQueryRequest: fieldDecoder(orderQueryFields),
    JsapiPayInfoRequest: fieldDecoder(jsapiPayInfoFields)
  }
  const probes: ReadonlyArray<readonly [schema: string, field: string, value: string | number]> = [
    ...["QrcodePayRequest", "WechatJsPayRequest"].flatMap((schema) =>
      [1, "1", 10_000_000_000, 10_000_000_001, "01", "1.0", 1.5, "+1", " 1"].map(
        (value) => [schema, "amount", value] as const
      )
    ),
    ...["x".repeat(64), "x".repeat(65), "单".repeat(64), "😀".repeat(64), "😀".repeat(65)].map(
      (value) => ["QrcodePayRequest", "merchant_order_no", value] as const
    ),
    ["QrcodePayRequest", "note", "注".repeat(250)],
    ["QrcodePayRequest", "note", "注".repeat(251)],
    ["WechatJsPayRequest", "note", "注".repeat(125)],
    ["WechatJsPayRequest", "note", "注".repeat(126)],
    ["QrcodePayRequest", "body", "x".repeat(4096)],
    ["QrcodePayRequest", "body", "x".repeat(4097)],
    ["QrcodePayRequest", "extra", "x".repeat(4097)],
    ["QrcodePayRequest", "channel_code", "wxpay_h5"],
    ["QrcodePayRequest", "channel_code", "wxpay_h6"],
    ["WechatJsPayRequest", "isMiniPg", "1"],
    ["WechatJsPayRequest", "isMiniPg", "3"],
    ["WechatJsPayRequest", "timeOutExpress", "1440"],
    ["WechatJsPayRequest", "timeOutExpress", 1440],
    ["WechatJsPayRequest", "timeOutExpress", 1441],
    ["WechatJsPayRequest", "subOpenId", "o".repeat(128)],
    ["WechatJsPayRequest", "subOpenId", "o".repeat(129)],
    ["JsapiPayInfoRequest", "openid", "o".repeat(129)],
    ["JsapiPayInfoRequest", "code", "c".repeat(512)],
    ["OrderQueryRequest", "order_no", "QR1"]
  ]
  const minimal: Readonly<Record<string, JsonObject>> = {
    QrcodePayRequest: { merchant_order_no: "1", amount: 1 },
    WechatJsPayRequest: { merchant_order_no: "1", amount: 1 },
    OrderQueryRequest: {},
    JsapiPayInfoRequest: { pay_token: "pt" }
  }

  test.each(probes)("%s: what it says of %s is what the gateway does", (schema, field, value) => {
    const text = typeof value === "number" ? JSON.stringify(value) : value
    const request = { ...minimal[schema], [field]: value }
    const parameters = new Map(
      Object.entries(request).map(([key, sent]) => [
        key,
        { kind: typeof sent as "string" | "number", text: key === field ? text : String(sent) }
      ])
    )
    const taken = Exit.isSuccess(Effect.runSyncExit(decoders[schema]?.(parameters) ?? Effect.die("no decoder")))
    expect(misfit(value, property(schema, field), documents.zh) === undefined).toBe(taken)
  })

  test("gives examples that fit their own schemas", () => {
    for (const document of Object.values(documents)) {
      let seen = 0
      for (const [path, value] of everything(document)) {
        if (!isObject(value) || !isObject(value.schema)) continue
        const { schema, example, examples } = value
        const given = [
          ...(example === undefined ? [] : [example]),
          ...Object.values((examples ?? {}) as Readonly<Record<string, JsonObject>>).map((one) => one.value as Json)
        ]
        seen += given.length
        for (const one of given)
          expect([path.join("."), misfit(one, schema, document)]).toEqual([path.join("."), undefined])
      }
      expect(seen).toBeGreaterThan(60)
      for (const [path, value] of everything(at(document, "components", "schemas"))) {
        if (path.at(-2) !== "properties" || !isObject(value)) continue
        for (const one of (value.examples ?? []) as ReadonlyArray<Json>)
          expect([path, misfit(one, value, document)]).toEqual([path, undefined])
      }
    }
  })

  test("describes every parameter and every field of an answer, in both languages", () => {
    for (const document of Object.values(documents)) {
      for (const [name, schema] of Object.entries(at(document, "components", "schemas"))) {
        for (const [field, property] of Object.entries(at(schema as JsonObject, "properties"))) {
          const { description } = property as JsonObject
          expect([name, field, String(description).length > 3]).toEqual([name, field, true])
        }
      }
    }
  })

  test("says everything in both languages and mixes them nowhere", () => {
    const shape = (document: JsonObject) => [...everything(document)].map(([path]) => path.join(".")).sort()
    expect(shape(documents.en)).toEqual(shape(documents.zh))
    const words = (document: JsonObject) =>
      [...everything(document)].filter(
        ([path, value]) =>
          typeof value === "string" && ["description", "summary", "title"].includes(path.at(-1) ?? "") && value !== "s"
      )
    const han = /\p{Script=Han}/u
    // Defaults and examples are quoted as they are.
    const plain = (text: Json) => String(text).replaceAll(/`[^`]*`/g, "")
    expect(words(documents.en).filter(([, text]) => han.test(plain(text)))).toEqual([])
    const notChinese = words(documents.zh).filter(([, text]) => !han.test(String(text)))
    expect(notChinese.map(([, text]) => text)).toEqual([])
    expect(words(documents.zh).length).toBeGreaterThan(100)
  })

  test("signs its examples as it tells merchants to, with the known answer's secret", () => {
    expect(hmacSha256(KNOWN_ANSWER.secret, KNOWN_ANSWER.canonical)).toBe(KNOWN_ANSWER.sign)
    const signed = operations(documents.zh).flatMap(({ operation }) => {
      const example = operation.requestBody && at(operation, "requestBody", "content", "application/json").example
      return isObject(example) && "sign" in example ? [example] : []
    })
    expect(signed).toHaveLength(4)
    for (const { sign, ...rest } of signed) {
      const pairs = Object.entries(rest).map(([key, value]) => [key, String(value)] as const)
      expect(hmacSha256(KNOWN_ANSWER.secret, canonicalString(pairs))).toBe(String(sign))
    }
    for (const document of Object.values(documents)) {
      const introduction = String(at(document, "info").description)
      for (const text of Object.values(KNOWN_ANSWER)) expect(introduction).toContain(text)
    }
  })

  test("describes the webhook that the gateway sends, field for field", () => {
    const order = {
      orderNo: "QR20260315120000A1B2C3D4",
      merchantOrderNo: "M1",
      amountFen: 1000,
      channelCode: "wxpay_h5",
      extra: ""
    }
    const sent = JSON.parse(
      webhookBody(order, { actualFen: 994, paidAt: new Date(0) }, "Asia/Shanghai", "sk")
    ) as JsonObject
    const schema = at(documents.zh, "components", "schemas", "PaymentWebhook")
    expect(Object.keys(at(schema, "properties"))).toEqual(Object.keys(sent))
    expect(misfit(sent, schema, documents.zh)).toBeUndefined()
    expect(misfit({ ...sent, more: 1 }, schema, documents.zh)).toContain("one too many")
  })

  test("shows every error of an endpoint with the code under which it stands", () => {
    for (const { operation } of operations(documents.en)) {
      for (const [status, response] of Object.entries(at(operation, "responses"))) {
        if (!isObject(response) || status === "200") continue
        const examples = at(response, "content", "application/json", "examples")
        for (const { value } of Object.values(examples) as ReadonlyArray<JsonObject>) {
          expect(String((value as JsonObject).code)).toBe(status)
          expect(String(response.description)).toContain(String((value as JsonObject).message))
        }
      }
    }
    const conflict = at(documents.zh, "paths", "/api/cashier/qrcode-pay", "post", "responses", "429")
    expect(at(conflict, "headers")).toHaveProperty("Retry-After")
  })
})

describe("The error catalogue", () => {
  test.each(["zh", "en"] as const)("has every error with its cause and what to do, in %s", (language) => {
    const page = renderErrorsPage(language)
    const entries = [...errorCatalogue(language), ...fieldEntries(language)]
    for (const name of [...Object.keys(ROWS), ...Object.keys(FRAMEWORK), ...Object.keys(FIELD_MESSAGES)]) {
      expect(page).toContain(`data-error="${name}"`)
      expect(entries.filter((entry) => entry.name === name && entry.cause !== "" && entry.remedy !== "")).not.toEqual(
        []
      )
    }
    const han = /\p{Script=Han}/u
    for (const { message, cause, remedy } of entries) {
      for (const text of [message, cause, remedy]) expect([text, han.test(text)]).toEqual([text, language === "zh"])
    }
  })

  test("has the codes and messages of the contract", () => {
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
})
