import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import {
  type Answer,
  type CallOptions,
  json,
  type MerchantClient,
  NOTIFY_URL,
  type Parameters,
  pairsOf,
  unique
} from "../harness/merchant-client.ts"

/* Section 3 of the contract. ../harness/merchant-client.test.ts holds this client to the contract's known answer. */

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant()
})
afterAll(() => gateway?.stop())

const taken = (answer: Answer) => expect([answer.code, answer.message]).toEqual([200, "下单成功"])
const refused = (answer: Answer) =>
  expect([answer.code, answer.message, answer.data]).toEqual([401, "签名验证失败", null])

/** A wrong client's canonical text: the pairs that `change` returns, in its order. */
const joined =
  (change: (pairs: Array<[key: string, text: string]>) => ReadonlyArray<readonly [string, string]>) =>
  (_: string, body: string): string =>
    change(pairsOf(body))
      .map(([key, text]) => `${key}=${text}`)
      .join("&")
const byBytes = (pairs: ReadonlyArray<readonly [string, string]>) =>
  [...pairs].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

const wrong = (parameters: Parameters, canonical: NonNullable<CallOptions["canonical"]>) =>
  shop.qrcodePay(parameters, { canonical })

describe("which parameters are signed", () => {
  test("null and empty ones are left out", async () => {
    taken(await shop.qrcodePay({ extra: null, body: "", note: "", unknown: null, other: "" }))
    refused(
      await wrong(
        { extra: "" },
        joined((pairs) => byBytes([...pairs, ["extra", ""]]))
      )
    )
    refused(
      await wrong(
        { unknown: null },
        joined((pairs) => byBytes([...pairs, ["unknown", "null"]]))
      )
    )
    refused(
      await wrong(
        { unknown: null },
        joined((pairs) => byBytes([...pairs, ["unknown", ""]]))
      )
    )
  })

  test("0, false and the texts 0, false and null are included", async () => {
    const parameters = { a: 0, b: false, c: "0", d: "false", e: "null", f: " " }
    taken(await shop.qrcodePay(parameters))
    for (const dropped of Object.keys(parameters)) {
      refused(
        await wrong(
          parameters,
          joined((pairs) => byBytes(pairs.filter(([key]) => key !== dropped)))
        )
      )
    }
  })

  test("unknown ones are included", async () => {
    taken(await shop.qrcodePay({ member_level: "gold", _t: 1, Sign: "not the sign", sign_type: "HMAC-SHA256" }))
    for (const unsigned of ["member_level", "Sign", "sign_type"]) {
      refused(
        await wrong(
          { [unsigned]: "x" },
          joined((pairs) => byBytes(pairs.filter(([key]) => key !== unsigned)))
        )
      )
    }
  })

  test("one added after signing is refused, whatever its name", async () => {
    const body = shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL })
    refused(await shop.raw("/api/cashier/qrcode-pay", body.replace("{", '{"channel_code":"alipay_h5",')))
    refused(await shop.raw("/api/cashier/qrcode-pay", body.replace("{", '{"debug":true,')))
    taken(await shop.raw("/api/cashier/qrcode-pay", body.replace("{", '{"debug":null,"extra":"",')))
  })

  test("one changed after signing is refused", async () => {
    const body = shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL })
    refused(await shop.raw("/api/cashier/qrcode-pay", body.replace('"amount":1000', '"amount":1001')))
    refused(await shop.raw("/api/cashier/qrcode-pay", body.replace("shop.example.com", "evil.example.com")))
  })

  test("sign itself is left out", async () => {
    refused(await shop.qrcodePay({}, { canonical: (right) => `${right}&sign=` }))
  })
})

describe("the order of the keys", () => {
  test("is that of their bytes: upper case, underscore, lower case, then everything else", async () => {
    const parameters = {
      Zebra: "1",
      _: "2",
      a: "3",
      B: "4",
      a1: "5",
      a_b: "6",
      aB: "7",
      é: "8",
      中: "9",
      "10": "10",
      "9": "11"
    }
    taken(await shop.qrcodePay(parameters))
    refused(
      await wrong(
        parameters,
        joined((pairs) => pairs.sort(([a], [b]) => a.localeCompare(b)))
      )
    )
    refused(
      await wrong(
        parameters,
        joined((pairs) => pairs.sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)))
      )
    )
    refused(
      await wrong(
        parameters,
        joined((pairs) => pairs)
      )
    )
    refused(
      await wrong(
        parameters,
        joined((pairs) => byBytes(pairs).reverse())
      )
    )
  })

  test("puts a full-width key before an emoji, as UTF-8 does and UTF-16 does not", async () => {
    const parameters = { "\uff5e": "wave", "\u{1f600}": "smile" }
    taken(await shop.qrcodePay(parameters))
    refused(
      await wrong(
        parameters,
        joined((pairs) => pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
      )
    )
  })

  test("does not depend on the order in the JSON", async () => {
    const shown = { z: "1", nonce: unique(), merchant_order_no: unique("ORD"), a: "2" }
    taken(await shop.qrcodePay(shown))
  })

  test("puts a key before the longer ones that begin with it", async () => {
    taken(await shop.qrcodePay({ a: "1", "a=": "2", aa: "3", "a b": "4", "a&b": "5" }))
  })
})

describe("the text of a value", () => {
  test("is raw: a client that URL-encodes is refused", async () => {
    refused(
      await shop.qrcodePay({}, { canonical: joined((p) => byBytes(p).map(([k, v]) => [k, encodeURIComponent(v)])) })
    )
    refused(
      await shop.qrcodePay(
        { notify_url: "https://shop.example.com" },
        { canonical: (_, body) => new URLSearchParams(byBytes(pairsOf(body)).map(([k, v]) => [k, v])).toString() }
      )
    )
  })

  test("may hold &, =, %, +, line breaks, quotes and emoji", async () => {
    const extra = 'a&b=c%20d+e\r\nf"g\\h/i\u2028😀&sign=1'
    const answer = await shop.qrcodePay({ extra, body: '{"name":"茶","price":"1&2"}' })
    taken(answer)
    expect(answer.data?.extra).toBe(extra)
  })

  test("is the text that the JSON escapes stand for: PHP writes \\/ and \\u4e2d", async () => {
    const escaped = json('"https:\\/\\/shop.example.com\\/notify"')
    taken(await shop.qrcodePay({ notify_url: escaped, extra: json('"\\u4e2d\\u6587\\ud83d\\ude00"') }))
    refused(await shop.qrcodePay({ notify_url: escaped }, { canonical: (right) => right.replaceAll("/", "\\/") }))
  })

  test("keeps white space, upper case and the form of its Unicode", async () => {
    taken(await shop.qrcodePay({ extra: "  e\u0301 \u00e9 \t" }))
    refused(await shop.qrcodePay({ extra: " x " }, { canonical: (right) => right.replace("extra= x ", "extra=x") }))
    refused(await shop.qrcodePay({ extra: "e\u0301" }, { canonical: (right) => right.normalize("NFC") }))
  })

  test.each([
    ["1.50", "1.5"],
    ["1e2", "100"],
    ["1E2", "1e2"],
    ["-0", "0"],
    ["0.10", "0.1"],
    ["9007199254740991.0", "9007199254740991"],
    ["1.0", "1"]
  ])("of a number is the number as sent: %s is not signed as %s", async (sent, other) => {
    taken(await shop.qrcodePay({ number: json(sent) }))
    refused(
      await shop.qrcodePay({ number: json(sent) }, { canonical: (r) => r.replace(`number=${sent}`, `number=${other}`) })
    )
  })

  test("of an amount is the same for 1000 and the text 1000", async () => {
    const parameters = { merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL }
    const body = shop.body(parameters)
    taken(await shop.raw("/api/cashier/qrcode-pay", body.replace('"amount":1000', '"amount":"1000"')))
  })

  test("of a boolean is true or false", async () => {
    taken(await shop.qrcodePay({ yes: true, no: false }))
    refused(await shop.qrcodePay({ yes: true }, { canonical: (right) => right.replace("yes=true", "yes=1") }))
    refused(await shop.qrcodePay({ no: false }, { canonical: (right) => right.replace("no=false", "no=0") }))
  })
})

describe("the signature", () => {
  const other = "0".repeat(64)
  const signs: Array<[string, CallOptions["sign"]]> = [
    ["absent", undefined],
    ["null", null],
    ["empty", ""],
    ["64 other digits", other],
    ["a number", 1234567890],
    ["zero", 0],
    ["true", true],
    ["false", false],
    ["short", "abc"],
    ["very long", "a".repeat(10_000)],
    ["not hexadecimal", "z".repeat(64)],
    ["64 emoji", "😀".repeat(64)],
    ["full-width digits", "０".repeat(64)]
  ]
  test.each(signs)("that is %s is 401 签名验证失败", async (_, sign) => refused(await shop.qrcodePay({}, { sign })))

  test("is required by all three endpoints", async () => {
    refused(await shop.qrcodePay({}, { sign: undefined }))
    refused(await shop.wechatJsPay({}, { sign: undefined }))
    refused(await shop.orderQuery({ order_no: "x" }, { sign: undefined }))
    refused(await shop.wechatJsPay({}, { secret: "sk_test_wrong" }))
    refused(await shop.orderQuery({ order_no: "x" }, { secret: "sk_test_wrong" }))
  })

  test("is lower-case hex: upper case, Base64 and white space around it are refused", async () => {
    const body = () => shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL })
    const changed = (change: (sign: string) => string) =>
      body().replace(/"sign":"([0-9a-f]{64})"/, (_, sign: string) => `"sign":${JSON.stringify(change(sign))}`)
    refused(
      await shop.raw(
        "/api/cashier/qrcode-pay",
        changed((sign) => sign.toUpperCase())
      )
    )
    refused(
      await shop.raw(
        "/api/cashier/qrcode-pay",
        changed((sign) => Buffer.from(sign, "hex").toString("base64"))
      )
    )
    refused(
      await shop.raw(
        "/api/cashier/qrcode-pay",
        changed((sign) => ` ${sign}`)
      )
    )
    refused(
      await shop.raw(
        "/api/cashier/qrcode-pay",
        changed((sign) => `${sign}0`)
      )
    )
    refused(
      await shop.raw(
        "/api/cashier/qrcode-pay",
        changed((sign) => sign.slice(0, 63))
      )
    )
    taken(
      await shop.raw(
        "/api/cashier/qrcode-pay",
        changed((sign) => sign)
      )
    )
  })

  test("of another merchant's secret is refused", async () => {
    const neighbour = await gateway.merchant({ name: "Next door" })
    refused(await shop.qrcodePay({}, { secret: neighbour.secret }))
    refused(await neighbour.qrcodePay({ app_id: shop.appId }))
    taken(await neighbour.qrcodePay({ app_id: shop.appId }, { secret: shop.secret }))
  })

  test("of an empty or a changed secret is refused", async () => {
    refused(await shop.qrcodePay({}, { secret: "" }))
    refused(await shop.qrcodePay({}, { secret: `${shop.secret} ` }))
    refused(await shop.qrcodePay({}, { secret: shop.secret.toUpperCase() }))
  })
})
