import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { gzipSync } from "node:zlib"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, envelope, json, type MerchantClient, readAnswer, unique } from "../harness/merchant-client.ts"
import { chunked, rawHttp } from "../harness/raw-http.ts"

/* Section 1 of the contract: the form of requests, and what is refused before the sender is looked at. */

const BODY_BYTES_MAX = 64 * 1024
const CREATE = "/api/cashier/qrcode-pay"
const SIGNED = [CREATE, "/api/cashier/wechat-js-pay", "/api/cashier/order-query"]
const POSTS = [...SIGNED, "/api/cashier/jsapi-pay-info"]
const GETS = ["/api/cashier/channels", "/api/cashier/pay-state?token=x"]

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant()
})
afterAll(() => gateway?.stop())

const send = (path: string, init: RequestInit): Promise<Response> =>
  fetch(gateway.url + path, { redirect: "manual", ...init })

const malformed = (answer: Answer) =>
  expect([answer.code, answer.message, answer.data]).toEqual([400, "请求格式错误", null])

/** An order's JSON text of exactly `bytes` bytes, padded by an unknown parameter. */
const orderOfBytes = (bytes: number): string => {
  const text = (fill: string) => {
    const unsigned = shop.body(
      {
        merchant_order_no: "PAD",
        amount: 1000,
        notify_url: "https://shop.example.com/",
        pad: fill,
        app_id: shop.appId,
        nonce: unique()
      },
      { sign: undefined }
    )
    return shop.signText(unsigned.replace('"PAD"', JSON.stringify(unique("ORD"))))
  }
  return text("x".repeat(bytes - Buffer.byteLength(text("y")) + 1))
}

describe("what does not exist", () => {
  test.each([
    ["GET", "/nowhere"],
    ["POST", "/nowhere"],
    ["GET", "/api/cashier"],
    ["POST", "/api/cashier/refund-everything"],
    ["DELETE", "/api/cashier/qrcode-pay/1"],
    ["GET", "/api"],
    ["GET", "/%00"],
    ["POST", "/api/cashier/QRCODE-PAY"]
  ])("%s %s is 404 接口不存在 in the envelope", async (method, path) => {
    const answer = await readAnswer(await send(path, { method }))
    expect([answer.code, answer.message, answer.data]).toEqual([404, "接口不存在", null])
  })

  test("an ill-formed path gets a 4xx in the envelope", async () => {
    const answer = await rawHttp(gateway.url, "GET /%E0%A4%A HTTP/1.1", [])
    const { code } = envelope(answer.status, answer.headers, answer.text)
    expect(code).toBeGreaterThanOrEqual(400)
    expect(code).toBeLessThan(500)
  })
})

describe("wrong methods", () => {
  const wrong = [
    ...POSTS.flatMap((path) => ["GET", "PUT", "PATCH", "DELETE"].map((method) => [method, path, "POST"])),
    ...GETS.flatMap((path) => ["POST", "PUT", "PATCH", "DELETE"].map((method) => [method, path, "GET"]))
  ] as Array<[string, string, string]>
  test.each(wrong)("%s %s is 405 请求方法不支持 and Allow names %s", async (method, path, right) => {
    const answer = await readAnswer(
      await send(path, {
        method,
        headers: { "Content-Type": "application/json" },
        body: method === "GET" ? null : "{}"
      })
    )
    expect([answer.code, answer.message, answer.data]).toEqual([405, "请求方法不支持", null])
    expect((answer.headers.get("allow") ?? "").split(/\s*,\s*/)).toContain(right)
    expect((answer.headers.get("allow") ?? "").split(/\s*,\s*/)).not.toContain(method)
  })

  test.each(POSTS)("HEAD %s is 405 with Allow and without a body", async (path) => {
    const answer = await rawHttp(gateway.url, `HEAD ${path} HTTP/1.1`, [])
    expect(answer.status).toBe(405)
    expect(answer.headers.get("allow")).toContain("POST")
    expect(answer.text).toBe("")
  })
})

describe("media type", () => {
  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    'application/json; charset="utf-8"',
    "Application/JSON; Charset=utf-8",
    "application/json; version=1",
    "application/json; version=1; charset=utf-8"
  ])("an order with Content-Type %s is taken", async (type) => {
    const answer = await shop.qrcodePay({}, { headers: { "Content-Type": type } })
    expect([answer.code, answer.message]).toEqual([200, "下单成功"])
  })

  test.each([
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json-patch+json",
    "application/vnd.api+json",
    "application/xml",
    "application/json; charset=gbk",
    "application/json; charset=gb2312",
    "application/json;charset=iso-8859-1",
    "application/json; charset=utf-16",
    'application/json; version=1; charset="gbk"'
  ])("an order with Content-Type %s is 415", async (type) => {
    const answer = await shop.qrcodePay({}, { headers: { "Content-Type": type } })
    expect([answer.code, answer.message, answer.data]).toEqual([415, "Content-Type 必须为 application/json", null])
  })

  test.each(POSTS)("POST %s without a Content-Type is 415", async (path) => {
    const body = shop.body({})
    const answer = await rawHttp(
      gateway.url,
      `POST ${path} HTTP/1.1`,
      [`Content-Length: ${Buffer.byteLength(body)}`],
      [body]
    )
    const { code, message } = envelope(answer.status, answer.headers, answer.text)
    expect([code, message]).toEqual([415, "Content-Type 必须为 application/json"])
  })

  test.each(["gzip", "br", "deflate", "identity", "utf-8"])("Content-Encoding %s is 415", async (encoding) => {
    const body = shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: "https://shop.example.com/" })
    const bytes = encoding === "gzip" ? new Uint8Array(gzipSync(body)) : body
    const answer = await shop.raw(CREATE, bytes, { "Content-Encoding": encoding })
    expect([answer.code, answer.message]).toEqual([415, "Content-Type 必须为 application/json"])
  })
})

describe("size", () => {
  test("a body of exactly 64 KiB is taken", async () => {
    const body = orderOfBytes(BODY_BYTES_MAX)
    expect(Buffer.byteLength(body)).toBe(BODY_BYTES_MAX)
    expect((await shop.raw(CREATE, body)).code).toBe(200)
  })

  test("one byte more is 413 请求体过大", async () => {
    const answer = await shop.raw(CREATE, orderOfBytes(BODY_BYTES_MAX + 1))
    expect([answer.code, answer.message, answer.data]).toEqual([413, "请求体过大", null])
  })

  const post = [`POST ${CREATE} HTTP/1.1`, "Content-Type: application/json"] as const
  test("a chunked body of exactly 64 KiB is taken", async () => {
    const chunks = chunked(Buffer.from(orderOfBytes(BODY_BYTES_MAX)), 7_000)
    const answer = await rawHttp(gateway.url, post[0], [post[1], "Transfer-Encoding: chunked"], chunks)
    expect(envelope(answer.status, answer.headers, answer.text).code).toBe(200)
  })

  test("a chunked body of one byte more is 413 without a Content-Length", async () => {
    const chunks = chunked(Buffer.from(orderOfBytes(BODY_BYTES_MAX + 1)), 7_000)
    const answer = await rawHttp(gateway.url, post[0], [post[1], "Transfer-Encoding: chunked"], chunks)
    expect(envelope(answer.status, answer.headers, answer.text).code).toBe(413)
  })

  test("a chunked body whose chunks split characters is read whole", async () => {
    const extra = "付款😀".repeat(20)
    const body = shop.body({
      merchant_order_no: unique("ORD"),
      amount: 1000,
      notify_url: "https://shop.example.com/",
      extra
    })
    const answer = await rawHttp(
      gateway.url,
      post[0],
      [post[1], "Transfer-Encoding: chunked"],
      chunked(Buffer.from(body), 5)
    )
    const { code, data } = envelope(answer.status, answer.headers, answer.text)
    expect([code, data?.extra]).toEqual([200, extra])
  })

  test.each(POSTS)("a body of 1 MiB to %s is 413 in the envelope", async (path) => {
    const answer = await shop.raw(path, `{"pad":"${"x".repeat(1024 * 1024)}"}`)
    expect([answer.code, answer.message]).toEqual([413, "请求体过大"])
  })
})

describe("one flat JSON object", () => {
  const bytes = (...parts: Array<string | number[]>) =>
    new Uint8Array(
      Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))))
    )

  const cases: Array<[what: string, body: string | Uint8Array<ArrayBuffer>]> = [
    ["an empty body", ""],
    ["white space only", "  \n"],
    ["an array", "[]"],
    ["an array of an object", '[{"app_id":"x"}]'],
    ["a text", '"app_id"'],
    ["a number", "1"],
    ["null", "null"],
    ["true", "true"],
    ["an object that does not end", '{"app_id":"x"'],
    ["a text that does not end", '{"app_id":"x}'],
    ["a comma at the end", '{"app_id":"x",}'],
    ["single quotes", "{'app_id':'x'}"],
    ["keys without quotes", '{app_id:"x"}'],
    ["a comment", '{"app_id":"x"/* shop */}'],
    ["two objects", '{"app_id":"x"}{"app_id":"x"}'],
    ["text after the object", '{"app_id":"x"} ok'],
    ["form data", "app_id=x&amount=1000"],
    ["a nested object", '{"app_id":"x","extra":{}}'],
    ["a nested array", '{"app_id":"x","extra":[]}'],
    ["an array of numbers", '{"app_id":"x","amount":[1000]}'],
    ["a nested object under __proto__", '{"app_id":"x","__proto__":{"admin":true}}'],
    ["a duplicate key", '{"app_id":"x","amount":1,"amount":1000}'],
    ["a duplicate key with the same value", '{"app_id":"x","amount":1,"amount":1}'],
    ["a duplicate key, once escaped", '{"app_id":"x","a":"1","\\u0061":"2"}'],
    ["a duplicate app_id, escaped", '{"app_id":"x","\\u0061pp_id":"x"}'],
    ["a duplicate escaped in two ways", '{"app_id":"x","/":"1","\\/":"2"}'],
    ["a duplicate __proto__", '{"app_id":"x","__proto__":"1","__proto__":"2"}'],
    ["a duplicate sign", '{"app_id":"x","sign":"1","sign":"2"}'],
    ["an escaped lone high surrogate", '{"app_id":"x","extra":"\\ud83d"}'],
    ["an escaped lone low surrogate", '{"app_id":"x","extra":"\\ude00"}'],
    ["surrogates in the wrong order", '{"app_id":"x","extra":"\\ude00\\ud83d"}'],
    ["a lone surrogate in a key", '{"app_id":"x","\\ud83d":"1"}'],
    ["an escaped U+0000", '{"app_id":"x","extra":"a\\u0000b"}'],
    ["an escaped U+0000 in a key", '{"app_id":"x","a\\u0000b":"1"}'],
    ["a bare U+0000", '{"app_id":"x","extra":"a\u0000b"}'],
    ["a bare U+0000 after the object", '{"app_id":"x"}\u0000'],
    ["a bare line feed in a text", '{"app_id":"x","extra":"a\nb"}'],
    ["a bare tab in a text", '{"app_id":"x","extra":"a\tb"}'],
    ["an unknown escape", '{"app_id":"x","extra":"\\x41"}'],
    ["an integer of 2^53", '{"app_id":"x","amount":9007199254740992}'],
    ["an integer of -2^53", '{"app_id":"x","amount":-9007199254740992}'],
    ["an integer of 2^64", '{"app_id":"x","number":18446744073709551616}'],
    ["an integer of a thousand digits", `{"app_id":"x","number":1${"0".repeat(1000)}}`],
    ["a number with a plus", '{"app_id":"x","amount":+1}'],
    ["a number with a leading zero", '{"app_id":"x","amount":01000}'],
    ["a hexadecimal number", '{"app_id":"x","amount":0x10}'],
    ["NaN", '{"app_id":"x","amount":NaN}'],
    ["a number that ends in a point", '{"app_id":"x","amount":1.}'],
    ["brackets nested 60,000 deep", "[".repeat(60_000)],
    ["objects nested 10,000 deep", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
    ["a byte that is not UTF-8", bytes('{"app_id":"x","extra":"', [0xff], '"}')],
    ["GBK bytes", bytes('{"app_id":"x","extra":"', [0xd6, 0xd0, 0xce, 0xc4], '"}')],
    ["a character cut in two", bytes('{"app_id":"x","extra":"', [0xe4, 0xb8], '"}')],
    ["an overlong slash", bytes('{"app_id":"x","extra":"', [0xc0, 0xaf], '"}')],
    ["a surrogate in UTF-8 bytes", bytes('{"app_id":"x","extra":"', [0xed, 0xa0, 0xbd], '"}')],
    ["a code point past U+10FFFF", bytes('{"app_id":"x","extra":"', [0xf4, 0x90, 0x80, 0x80], '"}')],
    ["UTF-16", new Uint8Array(Buffer.from('{"app_id":"x"}', "utf16le"))]
  ]
  test.each(cases)("%s is 400 请求格式错误", async (_, body) => malformed(await shop.raw(CREATE, body)))

  test.each([...SIGNED, "/api/cashier/jsapi-pay-info"])(
    "malformed JSON, nested values and duplicate keys are 400 at %s too",
    async (path) => {
      malformed(await shop.raw(path, "{"))
      malformed(await shop.raw(path, '{"a":{"b":1}}'))
      malformed(await shop.raw(path, '{"a":"1","a":"2"}'))
      malformed(await shop.raw(path, '{"a":"\\ud800"}'))
    }
  )

  test("a byte order mark is refused as malformed or ignored", async () => {
    const body = shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: "https://shop.example.com/" })
    const answer = await shop.raw(CREATE, bytes([0xef, 0xbb, 0xbf], body))
    if (answer.code !== 200) malformed(answer)
  })
})

describe("what is allowed", () => {
  test("white space around and inside the object", async () => {
    const text = shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: "https://shop.example.com/" })
    const spaced = `\r\n\t ${text.replaceAll('","', '" ,\n\t"').replace("{", "{ ")} \n`
    expect((await shop.raw(CREATE, spaced)).code).toBe(200)
  })

  test("integers up to 2^53-1 either way, fractions and exponents as unknown parameters", async () => {
    const answer = await shop.qrcodePay({
      largest: json("9007199254740991"),
      smallest: json("-9007199254740991"),
      fraction: json("0.10"),
      exponent: json("1E-2"),
      minus: json("-0")
    })
    expect(answer.code).toBe(200)
  })

  test("an integer past 2^53-1 as a text is no malformed request", async () => {
    expect((await shop.qrcodePay({ huge: "18446744073709551616" })).code).toBe(200)
  })

  test.each(["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "length", ""])(
    "an unknown parameter named %p is signed and ignored like any other",
    async (key) => {
      const body = shop.body(
        { merchant_order_no: unique("ORD"), amount: 1000, notify_url: "https://shop.example.com/", UNKNOWN: "x" },
        { sign: undefined }
      )
      const renamed = body.replace('"UNKNOWN"', JSON.stringify(key))
      expect((await shop.raw(CREATE, shop.signText(renamed))).message).toBe("下单成功")
      expect((await shop.raw(CREATE, shop.signText(body).replace('"UNKNOWN"', JSON.stringify(key)))).message).toBe(
        "签名验证失败"
      )
    }
  )

  test("noncharacters, combining marks, emoji and right-to-left text are texts", async () => {
    const extra = "\u0001\u007f\ufffe\uffff\u{10ffff}e\u0301👨‍👩‍👧\u202eאב"
    const answer = await shop.qrcodePay({ extra })
    expect([answer.code, answer.data?.extra]).toEqual([200, extra])
  })
})
