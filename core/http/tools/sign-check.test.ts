import { describe, expect, test } from "bun:test"
import { createHash, createHmac } from "node:crypto"
import fc from "fast-check"
import type { Parameter, Parameters } from "../../domain/parameters.ts"
import { signedPairs } from "../../domain/parameters.ts"
import { canonicalString, hmacSha256 } from "../../domain/signature.ts"
import { checkSign, type SignCheck } from "./sign-check.ts"
import type { FindingCode } from "./sign-findings.ts"

const SECRET = "sk_test_4f9a1c77d2b84e63"

type Value = string | number | boolean | null | { readonly raw: string }

const parametersOf = (request: Readonly<Record<string, Value>>): Parameters =>
  new Map(Object.entries(request).map(([key, value]) => [key, parameterOf(value)]))

const parameterOf = (value: Value): Parameter => {
  if (value === null) return { kind: "null", text: "" }
  if (typeof value === "object") return { kind: "number", text: value.raw }
  return { kind: typeof value as "string" | "number" | "boolean", text: String(value) }
}

/** A request as a merchant's code might send it: not sorted by name, with a value of each kind. */
const ORDER = {
  merchant_order_no: "ORD20260315001",
  app_id: "pk_test_51H8xK2eZvKYlo2C",
  amount: 1000,
  notify_url: "https://shop.example.com/notify?from=payhub&v=1",
  appId: "wx8888888888888888",
  note: "一杯 拿铁",
  extra: "",
  body: null,
  urgent: false,
  timestamp: "1773561600",
  nonce: "a1b2c3d4"
} as const

const RIGHT =
  "amount=1000&appId=wx8888888888888888&app_id=pk_test_51H8xK2eZvKYlo2C&merchant_order_no=ORD20260315001" +
  "&nonce=a1b2c3d4&note=一杯 拿铁&notify_url=https://shop.example.com/notify?from=payhub&v=1" +
  "&timestamp=1773561600&urgent=false"

/** The result for a merchant whose code built this string and signed it with the right secret. */
const built = (text: string, request: Readonly<Record<string, Value>> = ORDER): SignCheck => {
  const sign = hmacSha256(SECRET, text)
  return checkSign({ parameters: parametersOf({ ...request, sign }), built: text, sign, secrets: [SECRET] })
}

/** The same result if only the request is known, not the string. */
const unseen = (text: string, request: Readonly<Record<string, Value>> = ORDER): SignCheck =>
  checkSign({
    parameters: parametersOf({ ...request, sign: hmacSha256(SECRET, text) }),
    built: undefined,
    sign: undefined,
    secrets: [SECRET]
  })

const signedAs = (sign: string): SignCheck =>
  checkSign({ parameters: parametersOf({ ...ORDER, sign }), built: RIGHT, sign: undefined, secrets: [SECRET] })

const codes = (check: SignCheck): ReadonlyArray<FindingCode> => check.findings.map(({ code }) => code)

describe("The signature debugger", () => {
  test("finds nothing wrong with a request that verifies", () => {
    expect(built(RIGHT)).toEqual({ verified: true, canonical: RIGHT, difference: null, findings: [] })
    expect(unseen(RIGHT)).toEqual({ verified: true, canonical: RIGHT, difference: null, findings: [] })
  })

  test("accepts either secret of a rotation", () => {
    const parameters = parametersOf({ ...ORDER, sign: hmacSha256("sk_test_old_old_old", RIGHT) })
    const secrets = [SECRET, "sk_test_old_old_old"]
    expect(checkSign({ parameters, built: undefined, sign: undefined, secrets }).verified).toBe(true)
  })

  const pairs = RIGHT.replace("from=payhub&v", "from=payhub%26v").split("&")
  const whole = pairs.map((pair) => pair.replace("%26", "&"))
  const swap = (text: string) => whole.map((pair) => (pair.startsWith("note=") ? text : pair)).join("&")
  const mistakes: ReadonlyArray<
    readonly [what: string, text: string, code: FindingCode, parameter: string | undefined]
  > = [
    [
      "sorted wrongly",
      Object.entries(ORDER)
        .filter(([, v]) => v !== "" && v !== null)
        .map(([k, v]) => `${k}=${v}`)
        .join("&"),
      "unsorted",
      "merchant_order_no"
    ],
    [
      "sorted without regard to case",
      [whole[0], whole[2], whole[1], ...whole.slice(3)].join("&"),
      "sorted-ignoring-case",
      "app_id"
    ],
    ["URL-encoded", RIGHT.replace("一杯 拿铁", encodeURIComponent("一杯 拿铁")), "url-encoded", "note"],
    [
      "URL-encoded as a form",
      whole
        .map((pair) => new URLSearchParams([pair.split(/=(.*)/s).slice(0, 2) as [string, string]]).toString())
        .join("&"),
      "url-encoded",
      "note"
    ],
    ["an empty value kept", RIGHT.replace("&merchant_order_no", "&extra=&merchant_order_no"), "empty-kept", "extra"],
    ["null kept", RIGHT.replace("&merchant_order_no", "&body=null&merchant_order_no"), "null-kept", "body"],
    ["an integer as a float", RIGHT.replace("amount=1000", "amount=1000.0"), "number-rewritten", "amount"],
    ["a float of two decimals", RIGHT.replace("amount=1000", "amount=1000.00"), "number-rewritten", "amount"],
    ["a boolean as Python writes it", RIGHT.replace("urgent=false", "urgent=False"), "boolean-rewritten", "urgent"],
    ["quotes around a value", swap('note="一杯 拿铁"'), "quoted", "note"],
    ["JSON escapes", swap("note=\\u4e00\\u676f \\u62ff\\u94c1"), "json-escaped", "note"],
    ["slashes as PHP's json_encode writes them", RIGHT.replaceAll("/", "\\/"), "json-escaped", "notify_url"],
    ["white space inside", swap("note= 一杯 拿铁"), "white-space", undefined],
    ["spaces around the separators", whole.join(" & "), "white-space", undefined],
    ["another value", swap("note=一杯 美式"), "value-differs", "note"],
    ["a parameter forgotten", RIGHT.replace("&urgent=false", ""), "missing", "urgent"],
    ["a parameter that was not sent", `${RIGHT}&version=2`, "not-sent", "version"],
    ["a trailing &", `${RIGHT}&`, "trailing-separator", undefined],
    ["a leading ?", `?${RIGHT}`, "leading-question-mark", undefined],
    ["commas between", whole.join(","), "separator", undefined],
    ["nothing between", whole.join(""), "separator", undefined],
    ["line breaks between", whole.join("\n"), "separator", undefined],
    ["values only", whole.map((pair) => pair.slice(pair.indexOf("=") + 1)).join(""), "values-only", undefined],
    ["key= appended", `${RIGHT}&key=${SECRET}`, "key-appended", undefined],
    ["a wrong key= appended", `${RIGHT}&key=sk_test_another`, "key-appended", undefined],
    ["the secret appended bare", RIGHT + SECRET, "key-appended", undefined],
    ["the secret around it", SECRET + RIGHT + SECRET, "key-appended", undefined],
    ["the JSON text", JSON.stringify(ORDER), "json-signed", undefined],
    ["another text altogether", "hello&world", "not-sent", "hello"]
  ]

  test.each(mistakes)("names %s, and says that the secret is right", (...[, text, code, parameter]) => {
    const check = built(text)
    expect(check.verified).toBe(false)
    expect(check.findings.find((finding) => finding.code === code)?.parameter).toBe(parameter)
    expect(codes(check)).toContain(code)
    expect(codes(check).at(-1)).toBe("secret-right")
    expect(check.canonical).toBe(RIGHT)
  })

  test("names only one fault if there is only one", () => {
    for (const [what, text, code] of mistakes) {
      if (["URL-encoded as a form", "another text altogether", "nothing between"].includes(what)) continue
      const others = codes(built(text)).filter((found) => found !== "secret-right" && found !== code)
      expect([what, others]).toEqual([what, []])
    }
  })

  test("names several faults of one string, each at its parameter", () => {
    const text = `?${RIGHT.replace("amount=1000", "amount=1000.0").replace("&note=", "&extra=&note=").replace(" ", "%20")}`
    expect(built(text).findings.map(({ code, parameter }) => [code, parameter ?? ""])).toEqual([
      ["leading-question-mark", ""],
      ["unsorted", "merchant_order_no"],
      ["number-rewritten", "amount"],
      ["empty-kept", "extra"],
      ["url-encoded", "note"],
      ["secret-right", ""]
    ])
  })

  test("names sign if it is part of the signed string", () => {
    const sign = "0".repeat(64)
    const text = RIGHT.replace("&timestamp", `&sign=${sign}&timestamp`)
    const check = checkSign({
      parameters: parametersOf({ ...ORDER, sign }),
      built: text,
      sign: undefined,
      secrets: [SECRET]
    })
    expect(check.findings[0]).toMatchObject({ code: "sign-included", parameter: "sign" })
  })

  test("recognises a wrong string by its signature alone", () => {
    const byName = new Map(mistakes.map(([what, text]) => [what, codes(unseen(text))[0]]))
    expect(byName.get("sorted wrongly")).toBe("unsorted")
    expect(byName.get("sorted without regard to case")).toBe("sorted-ignoring-case")
    expect(byName.get("an integer as a float")).toBe("number-rewritten")
    expect(byName.get("key= appended")).toBe("key-appended")
    expect(byName.get("a trailing &")).toBe("trailing-separator")
    expect(byName.get("the JSON text")).toBe("json-signed")
    // Not one of the known mistakes: only the string itself would show it.
    expect(byName.get("a parameter forgotten")).toBe("string-or-secret")
  })

  const right = hmacSha256(SECRET, RIGHT)
  test.each<readonly [string, string, FindingCode]>([
    ["upper-case hex", right.toUpperCase(), "upper-case"],
    ["Base64", Buffer.from(right, "hex").toString("base64"), "base64"],
    ["Base64 of something", Buffer.alloc(32, 7).toString("base64"), "base64"],
    ["MD5", createHash("md5").update(`${RIGHT}&key=${SECRET}`).digest("hex"), "md5"],
    ["SHA-1", createHmac("sha1", SECRET).update(RIGHT).digest("hex"), "sha1"],
    ["SHA-512", createHmac("sha512", SECRET).update(RIGHT).digest("hex"), "sha512"],
    [
      "SHA-256 with the secret behind",
      createHash("sha256")
        .update(RIGHT + SECRET)
        .digest("hex"),
      "plain-hash"
    ],
    ["SHA-256 with &key=", createHash("sha256").update(`${RIGHT}&key=${SECRET}`).digest("hex"), "plain-hash"],
    ["SHA-256 without a secret", createHash("sha256").update(RIGHT).digest("hex"), "plain-hash"],
    ["a line break in the secret", hmacSha256(`${SECRET}\n`, RIGHT), "secret-padded"],
    ["key and message swapped", hmacSha256(RIGHT, SECRET), "swapped"],
    ["a space behind the signature", `${right} `, "sign-padded"],
    ["another secret", hmacSha256("sk_test_another", RIGHT), "wrong-secret"],
    ["half a signature", right.slice(0, 20), "not-hex"],
    ["no signature", "", "sign-missing"]
  ])("names %s if the string is right", (_what, sign, code) => {
    const check = signedAs(sign)
    expect(check).toMatchObject({ verified: false, difference: null, findings: [{ code }] })
    expect(check.findings).toHaveLength(1)
  })

  test("notices that the right signature was made but another one was sent", () => {
    const parameters = parametersOf({ ...ORDER, sign: "0".repeat(64) })
    expect(codes(checkSign({ parameters, built: RIGHT, sign: right, secrets: [SECRET] }))).toEqual(["sign-not-sent"])
  })

  test("names a wrong secret in addition to a wrong string", () => {
    const text = `${RIGHT}&`
    const sign = hmacSha256("sk_test_another", text)
    const check = checkSign({ parameters: parametersOf({ ...ORDER, sign }), built: text, sign, secrets: [SECRET] })
    expect(codes(check)).toEqual(["trailing-separator", "wrong-secret"])
  })

  test("points to the first differing UTF-8 byte and to its parameter", () => {
    expect(built(RIGHT.replace("amount=1000", "amount=1000.0")).difference).toMatchObject({
      byte: 11,
      parameter: "amount"
    })
    const late = built(RIGHT.replace("urgent=false", "urgent=False")).difference
    expect(late).toEqual({
      byte: Buffer.byteLength(RIGHT.slice(0, RIGHT.indexOf("false"))),
      parameter: "urgent",
      expected: "false",
      actual: "False"
    })
    expect(built(`${RIGHT}&`).difference).toMatchObject({
      byte: Buffer.byteLength(RIGHT),
      parameter: null,
      expected: ""
    })
    // 杯 and 果 share their first byte: the difference is inside the character, and the character is shown whole.
    const inside = built(RIGHT.replace("一杯", "一果")).difference
    expect(inside?.parameter).toBe("note")
    expect(inside?.expected.startsWith("杯")).toBe(true)
    expect(inside?.actual.startsWith("果")).toBe(true)
  })

  test("reads values that contain & and = as they are", () => {
    const request = { a: "1&b=2&amount=3", amount: "9", app_id: "pk_test_51H8xK2eZvKYlo2C" }
    const text = canonicalString(signedPairs(parametersOf(request)))
    expect(codes(built(text.replace("amount=9", "amount=8"), request))).toEqual(["value-differs", "secret-right"])
  })

  test("never shows a secret, wherever the merchant's code has put it", () => {
    const sent = { ...ORDER, app_secret: SECRET }
    const cases = [
      built(`${RIGHT}&key=${SECRET}`),
      built(SECRET + RIGHT),
      built(`${RIGHT}&note=${SECRET}`),
      built(`x${SECRET}`, sent),
      built(RIGHT, sent),
      unseen(RIGHT, sent)
    ]
    for (const check of cases) expect(JSON.stringify(check)).not.toContain(SECRET)
    expect(codes(built(RIGHT, sent))).toContain("secret-sent")
  })

  test("never reveals the right signature", () => {
    for (const check of [
      ...mistakes.map(([, text]) => built(text)),
      signedAs("0".repeat(64)),
      signedAs(right.slice(0, 63))
    ]) {
      expect(JSON.stringify(check)).not.toContain(right)
    }
  })

  test("gives the same result for every wrong signature of the right shape, however many digits are right", () => {
    const flip = (at: number) => right.slice(0, at) + (right[at] === "0" ? "1" : "0") + right.slice(at + 1)
    const answers = new Set([0, 1, 31, 62, 63].map((at) => JSON.stringify(signedAs(flip(at)))))
    expect(answers.size).toBe(1)
  })

  test("answers any input, and calls exactly those requests verified that the gateway accepts", () => {
    const value = fc.oneof(fc.string({ unit: "grapheme" }), fc.integer(), fc.boolean(), fc.constant(null))
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1 }), value),
        fc.string({ unit: "binary" }),
        fc.string(),
        (request, text, sign) => {
          const parameters = parametersOf({ ...request, sign })
          const check = checkSign({ parameters, built: text, sign: undefined, secrets: [SECRET] })
          expect(check.verified).toBe(false)
          expect(check.findings.length).toBeGreaterThan(0)
          const signed = { ...request, sign: hmacSha256(SECRET, canonicalString(signedPairs(parameters))) }
          const good = checkSign({
            parameters: parametersOf(signed),
            built: undefined,
            sign: undefined,
            secrets: [SECRET]
          })
          expect(good.verified).toBe(true)
          expect(good.findings).toEqual([])
        }
      )
    )
  })
})
