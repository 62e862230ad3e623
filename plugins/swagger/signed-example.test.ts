import { expect, test } from "bun:test"
import { canonicalString, hmacSha256 } from "../../core/domain/signature.ts"
import { at, documents, operations } from "./document.fixture.ts"
import { isObject } from "./schema-check.fixture.ts"
import { KNOWN_ANSWER } from "./signed-example.ts"

test("The document signs its examples as it tells merchants to, with the known answer's secret", () => {
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
