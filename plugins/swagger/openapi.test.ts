import { describe, expect, test } from "bun:test"
import { validate } from "@readme/openapi-parser"
import { CHANNEL_CODES } from "../../core/domain/channel-code.ts"
import { at, channels, documents, everything, makeDocument, operations, property, routes } from "./document.fixture.ts"
import type { Json, JsonObject } from "./json-schema.ts"
import { openApiDocument } from "./openapi.ts"
import { isObject, misfit, resolved } from "./schema-check.fixture.ts"

describe("The API document", () => {
  test("is valid to a validator of the standard", async () => {
    for (const document of Object.values(documents)) {
      // The validator resolves references in place, so it gets a copy: the other tests read the document as served.
      const { valid, ...complaints } = await validate(structuredClone(document) as never)
      expect(complaints).toMatchObject({ warnings: [] })
      expect(valid).toBe(true)
    }
    const broken = { ...structuredClone(documents.en), paths: { "no-slash": {} } }
    expect((await validate(broken as never)).valid).toBe(false)
  })

  test("is OpenAPI 3.1 with every member that the standard requires", () => {
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

  test("is not built if it describes an endpoint that the gateway does not serve", async () => {
    const without = routes.filter(({ path }) => path !== "/api/cashier/pay-state")
    const view = { language: "zh", publicUrl: "", version: "", channels } as const
    await expect(openApiDocument(without, view)).rejects.toThrow("GET /api/cashier/pay-state")
  })

  test("has no reference that leads nowhere", () => {
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

  test("leaves out a channel that is not loaded", async () => {
    const document = await makeDocument("en", channels.slice(1))
    expect(JSON.stringify(at(document, "components", "schemas", "Channel"))).not.toContain("YINSHENG_QRCODE")
  })

  test("has examples that fit their own schemas", () => {
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

  test("says the same in both languages and mixes them nowhere", () => {
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

  test("is checked by all that its schemas say: a keyword that nobody knows and a reference to nothing are errors", () => {
    expect(() => misfit(1, { minimun: 2 }, documents.zh)).toThrow('unknown keyword: "minimun"')
    expect(() => misfit(1, { $ref: "#/components/schemas/None" }, documents.zh)).toThrow("can't resolve reference")
    const referring = { $ref: "#/components/schemas/PaymentWebhook" }
    expect(misfit({}, referring, documents.zh)).toContain("must have required property")
  })

  test("lists each error of an endpoint under its own status", () => {
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
    const throttled = at(documents.zh, "paths", "/api/cashier/qrcode-pay", "post", "responses", "429")
    expect(at(throttled, "headers")).toHaveProperty("Retry-After")
  })
})
