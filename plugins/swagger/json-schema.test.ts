import { describe, expect, test } from "bun:test"
import { Effect, Exit } from "effect"
import { CHANNEL_CODES } from "../../core/domain/channel-code.ts"
import type { Parameters } from "../../core/domain/parameters.ts"
import { fieldDecoder } from "../../core/http/merchant/field-decoders.ts"
import {
  jsapiPayInfoFields,
  orderQueryFields,
  qrcodePayFields,
  wechatJsPayFields
} from "../../core/http/merchant/fields.ts"
import { at, documents, property } from "./document.fixture.ts"
import type { JsonObject } from "./json-schema.ts"
import { misfit } from "./schema-check.fixture.ts"

describe("The schema of a request", () => {
  test("states the limits of the contract", () => {
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

  const channelCodes = Object.keys(CHANNEL_CODES)
  const decoders: Readonly<Record<string, (parameters: Parameters) => Effect.Effect<unknown, unknown>>> = {
    QrcodePayRequest: fieldDecoder(qrcodePayFields(channelCodes)),
    WechatJsPayRequest: fieldDecoder(wechatJsPayFields),
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

  test.each(probes)("%s accepts the same %s as the gateway", (schema, field, value) => {
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
})
