import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, now, textOf, unique } from "../harness/merchant-client.ts"
import { actAsPayer } from "../harness/payer.ts"
import { readQrCode } from "../harness/qr-reader.ts"
import { startWebhookReceiver } from "../harness/webhook-receiver.ts"

/* Section 5 of the contract. */

const DUPLICATE = "商户订单号已存在,请勿重复提交"

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
/** A gateway whose operator allows no private address. */
let guarded: Gateway
let guardedShop: MerchantClient
beforeAll(async () => {
  ;[gateway, guarded] = await Promise.all([startGateway(), startGateway({ env: { PAYHUB_WEBHOOK_ALLOW: "" } })])
  ;[shop, guardedShop] = await Promise.all([gateway.merchant(), guarded.merchant()])
})
afterAll(async () => {
  await gateway?.stop()
  await guarded?.stop()
})

const errorFields = (answer: Answer) => Object.keys((answer.data?.errors ?? {}) as object)
const wrongField = (answer: Answer, field: string) =>
  expect([answer.code, ...errorFields(answer)]).toEqual([422, field])

describe("an order", () => {
  test("is answered with every field of section 5", async () => {
    const merchant_order_no = unique("ORD")
    const before = now()
    const answer = await shop.qrcodePay({ merchant_order_no, amount: 1234, extra: "member=7" })
    expect([answer.code, answer.message]).toEqual([200, "下单成功"])
    expect(answer.data).toMatchObject({ merchant_order_no, amount: 1234, extra: "member=7", expire_minutes: 30 })
    expect(textOf(answer, "order_no")).toMatch(/^QR\d{14}[0-9A-Z]{8}$/)
    expect(textOf(answer, "sourceQrCodeUrl")).not.toBe("")
    const [, year, month, day, hour, minute, second] =
      /^QR(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(textOf(answer, "order_no")) ?? []
    const placed = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}+08:00`) / 1000
    expect(placed).toBeGreaterThanOrEqual(before - 1)
    expect(placed).toBeLessThanOrEqual(now() + 1)
  })

  test("has a QR picture that an <img> shows and that a phone reads as sourceQrCodeUrl", async () => {
    const answer = await shop.qrcodePay()
    const picture = await fetch(textOf(answer, "qrCodeUrl"))
    expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/png"])
    const bytes = new Uint8Array(await picture.arrayBuffer())
    expect([...bytes.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    expect(readQrCode(bytes)).toBe(textOf(answer, "sourceQrCodeUrl"))
  })

  test("has a sourceQrCodeUrl of its own", async () => {
    const [one, other] = [await shop.qrcodePay(), await shop.qrcodePay()]
    expect(textOf(one, "sourceQrCodeUrl")).not.toBe(textOf(other, "sourceQrCodeUrl"))
    expect(textOf(one, "order_no")).not.toBe(textOf(other, "order_no"))
  })
})

describe("merchant_order_no", () => {
  test("is required", async () => {
    for (const merchant_order_no of [undefined, null, ""]) {
      const answer = await shop.qrcodePay({ merchant_order_no })
      expect([answer.code, answer.message]).toEqual([422, "商户订单号不能为空"])
      wrongField(answer, "merchant_order_no")
    }
  })

  test("is 1 to 64 characters, counted as code points", async () => {
    const stem = unique()
    for (const merchant_order_no of [
      unique(),
      `${stem}${"x".repeat(64 - stem.length)}`,
      `${stem}${"😀".repeat(64 - stem.length)}`
    ]) {
      const answer = await shop.qrcodePay({ merchant_order_no })
      expect([answer.code, answer.data?.merchant_order_no]).toEqual([200, merchant_order_no])
    }
    wrongField(await shop.qrcodePay({ merchant_order_no: "x".repeat(65) }), "merchant_order_no")
    wrongField(await shop.qrcodePay({ merchant_order_no: "😀".repeat(65) }), "merchant_order_no")
  })

  test("is unique per merchant for ever, whatever else the order says", async () => {
    const merchant_order_no = unique("ORD")
    expect((await shop.qrcodePay({ merchant_order_no })).code).toBe(200)
    for (const again of [{}, { amount: 5 }, { channel_code: "alipay_h5" }]) {
      const answer = await shop.qrcodePay({ merchant_order_no, ...again })
      expect([answer.code, answer.message, answer.data]).toEqual([400, DUPLICATE, null])
    }
    expect((await shop.wechatJsPay({ merchant_order_no })).message).toBe(DUPLICATE)
  })

  test("differs by case, white space and Unicode form", async () => {
    const stem = unique()
    for (const merchant_order_no of [`${stem}a`, `${stem}A`, `${stem}a `, ` ${stem}a`, `${stem}é`, `${stem}e\u0301`]) {
      const answer = await shop.qrcodePay({ merchant_order_no })
      expect([answer.code, answer.data?.merchant_order_no]).toEqual([200, merchant_order_no])
    }
  })

  test("may be another merchant's too", async () => {
    const neighbour = await gateway.merchant()
    const merchant_order_no = unique("ORD")
    expect((await shop.qrcodePay({ merchant_order_no })).code).toBe(200)
    expect((await neighbour.qrcodePay({ merchant_order_no })).code).toBe(200)
  })

  test("may hold characters that trip up databases and pages", async () => {
    for (const odd of ["' OR 1=1 --", "%_\\", "<b>", "../..", "$(x)", "付款单"]) {
      const merchant_order_no = unique() + odd
      const made = await shop.qrcodePay({ merchant_order_no })
      expect([made.code, made.data?.merchant_order_no]).toEqual([200, merchant_order_no])
      expect((await shop.orderQuery({ merchant_order_no })).data?.order_no).toBe(made.data?.order_no)
    }
  })
})

describe("amount", () => {
  test("is 1 to 10,000,000,000 fen", async () => {
    expect((await shop.qrcodePay({ amount: 1 })).data?.amount).toBe(1)
    expect((await shop.qrcodePay({ amount: 10_000_000_000 })).data?.amount).toBe(10_000_000_000)
    wrongField(await shop.qrcodePay({ amount: 10_000_000_001 }), "amount")
    expect((await shop.qrcodePay({ amount: 0 })).message).toBe("金额必须大于 0")
  })
})

describe("notify_url", () => {
  test("is required where the merchant has no callback_url", async () => {
    for (const notify_url of [undefined, null, ""]) {
      const answer = await shop.qrcodePay({ notify_url })
      expect([answer.code, answer.message]).toEqual([422, "回调地址不能为空"])
      wrongField(answer, "notify_url")
    }
  })

  test.each([
    "https://shop.example.com/notify",
    "http://shop.example.com",
    "https://shop.example.com:8443/a/b?c=d&e=%20f",
    "HTTPS://SHOP.EXAMPLE.COM/NOTIFY",
    "http://localhost/notify",
    "http://localhost:3000/notify",
    "http://shop.internal/notify",
    "http://8.8.8.8/notify",
    "http://[2400:3200::1]/notify"
  ])("may be %s, whatever the operator allows", async (notify_url) => {
    expect((await shop.qrcodePay({ notify_url })).code).toBe(200)
    expect((await guardedShop.qrcodePay({ notify_url })).code).toBe(200)
  })

  test.each([
    "shop.example.com/notify",
    "/notify",
    "//shop.example.com/notify",
    "ftp://shop.example.com/notify",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:text/plain,x",
    "ws://shop.example.com/",
    "http://",
    "https:///notify",
    "http:// shop.example.com/",
    "http://shop.example.com:99999/",
    "http://user:password@shop.example.com/",
    "http://user@shop.example.com/",
    "http://:password@shop.example.com/",
    "not a url"
  ])("may not be %s", async (notify_url) => {
    wrongField(await shop.qrcodePay({ notify_url }), "notify_url")
    wrongField(await guardedShop.qrcodePay({ notify_url }), "notify_url")
  })

  test("is at most 512 characters", async () => {
    const url = (length: number) => "https://shop.example.com/".padEnd(length, "x")
    expect((await shop.qrcodePay({ notify_url: url(512) })).code).toBe(200)
    wrongField(await shop.qrcodePay({ notify_url: url(513) }), "notify_url")
  })

  test.each([
    ["loopback", "http://127.0.0.1/"],
    ["loopback", "http://127.0.0.1:8080/notify"],
    ["loopback", "http://127.255.255.254/"],
    ["loopback, shortened", "http://127.1/"],
    ["loopback as one number", "http://2130706433/"],
    ["loopback in hexadecimal", "http://0x7f000001/"],
    ["loopback in octal", "http://0177.0.0.1/"],
    ["loopback with a dot at its end", "http://127.0.0.1./"],
    ["loopback in full-width digits", "http://１２７.0.0.1/"],
    ["loopback, URL-encoded", "http://%31%32%37.0.0.1/"],
    ["private", "http://10.0.0.1/"],
    ["private", "http://172.16.0.1/"],
    ["private", "http://172.31.255.255/"],
    ["private", "http://192.168.1.1/"],
    ["link-local", "http://169.254.1.1/"],
    ["metadata", "http://169.254.169.254/latest/meta-data"],
    ["metadata of Alibaba", "http://100.100.100.200/"],
    ["shared", "http://100.64.0.1/"],
    ["unspecified", "http://0.0.0.0/"],
    ["unspecified", "http://0/"],
    ["loopback of IPv6", "http://[::1]/"],
    ["unspecified of IPv6", "http://[::]/"],
    ["unique local of IPv6", "http://[fd00:ec2::254]/"],
    ["unique local of IPv6", "http://[fc00::1]/"],
    ["link-local of IPv6", "http://[fe80::1]/"],
    ["loopback mapped into IPv6", "http://[::ffff:127.0.0.1]/"],
    ["loopback mapped into IPv6", "http://[::ffff:7f00:1]/"],
    ["metadata mapped into IPv6", "http://[0:0:0:0:0:ffff:a9fe:a9fe]/"],
    ["private mapped into IPv6", "http://[::ffff:10.0.0.1]/"],
    ["loopback in IPv4-compatible IPv6", "http://[::127.0.0.1]/"],
    ["private behind NAT64", "http://[64:ff9b::10.0.0.1]/"],
    ["loopback behind 6to4", "http://[2002:7f00:1::1]/"]
  ])("may not be a private address (%s): %s", async (_, notify_url) => {
    wrongField(await guardedShop.qrcodePay({ notify_url }), "notify_url")
    wrongField(await guardedShop.wechatJsPay({ notify_url }), "notify_url")
  })

  test("may be an address that the operator allows, and no other", async () => {
    expect((await shop.qrcodePay({ notify_url: "http://127.0.0.1:9/notify" })).code).toBe(200)
    expect((await shop.qrcodePay({ notify_url: "http://127.9.9.9/" })).code).toBe(200)
    expect((await shop.qrcodePay({ notify_url: "http://[::1]:9/notify" })).code).toBe(200)
    for (const notify_url of ["http://10.0.0.1/", "http://169.254.169.254/", "http://[fd00::1]/", "http://0.0.0.0/"]) {
      wrongField(await shop.qrcodePay({ notify_url }), "notify_url")
    }
  })
})

describe("callback_url", () => {
  test("is where webhooks go when an order names no notify_url", async () => {
    const receiver = await startWebhookReceiver()
    try {
      const inbox = receiver.inbox()
      const other = receiver.inbox()
      const steady = await gateway.merchant({ callbackUrl: inbox.url })
      const [one, two] = [
        await steady.qrcodePay({ notify_url: undefined }),
        await steady.qrcodePay({ notify_url: other.url })
      ]
      expect([one.code, two.code]).toEqual([200, 200])
      await Promise.all([actAsPayer(one), actAsPayer(two)])
      expect((await inbox.waitFor(1))[0]?.bytes.toString()).toContain(textOf(one, "order_no"))
      expect((await other.waitFor(1))[0]?.bytes.toString()).toContain(textOf(two, "order_no"))
      expect([inbox.pushes.length, other.pushes.length]).toEqual([1, 1])
    } finally {
      await receiver.close()
    }
  })

  test("follows the same rule when the operator sets it", async () => {
    for (const url of [
      "http://10.0.0.1/",
      "http://127.0.0.1/",
      "ftp://shop.example.com/",
      "http://u:p@shop.example.com/"
    ]) {
      const { exitCode, stderr } = await guarded.run(["merchant", "create", "--name", "X", "--callback-url", url])
      expect([url, exitCode > 0, stderr !== ""]).toEqual([url, true, true])
    }
  })
})

describe("body and extra", () => {
  test("are up to 4,096 bytes of UTF-8", async () => {
    for (const field of ["body", "extra"]) {
      for (const text of ["x".repeat(4096), `${"茶".repeat(1365)}x`, "😀".repeat(1024)]) {
        expect(Buffer.byteLength(text)).toBe(4096)
        expect((await shop.qrcodePay({ [field]: text })).code).toBe(200)
        wrongField(await shop.qrcodePay({ [field]: `${text}x` }), field)
      }
      wrongField(await shop.qrcodePay({ [field]: "茶".repeat(1366) }), field)
    }
  })

  test("body may be JSON or any other text", async () => {
    for (const body of ['{"goods":[{"name":"茶","price":10}]}', "not JSON {", " ", "[]"]) {
      expect((await shop.qrcodePay({ body })).code).toBe(200)
    }
  })

  test("extra comes back byte for byte", async () => {
    for (const extra of [
      '{"a": 1,  "b":"\\u4e2d"}',
      "  spaces\tand\r\nlines\u2028 ",
      "a&b=c%20+d",
      "e\u0301\u00e9👨‍👩‍👧",
      "<script>alert('1')</script>",
      "\\",
      "0"
    ]) {
      expect((await shop.qrcodePay({ extra })).data?.extra).toBe(extra)
    }
  })

  test("extra is empty text where the order had none", async () => {
    for (const extra of [undefined, null, ""]) expect((await shop.qrcodePay({ extra })).data?.extra).toBe("")
  })
})

describe("channel_code", () => {
  test.each([
    "YINSHENG_QRCODE",
    "alipay_h5",
    "alipay_pc",
    "alipay_app",
    "wxpay_h5",
    "wxpay_native",
    "wxpay_app",
    "unionpay_h5"
  ])("%s is taken from a test-mode merchant, with a picture of what the payer opens", async (channel_code) => {
    const answer = await shop.qrcodePay({ channel_code })
    expect([answer.code, answer.message]).toEqual([200, "下单成功"])
    const picture = await fetch(textOf(answer, "qrCodeUrl"))
    expect(readQrCode(new Uint8Array(await picture.arrayBuffer()))).toBe(textOf(answer, "sourceQrCodeUrl"))
    const query = await shop.orderQuery({ order_no: textOf(answer, "order_no") })
    expect(query.data?.channel_code).toBe(channel_code)
  })

  test("is YINSHENG_QRCODE by default in test mode", async () => {
    for (const channel_code of [undefined, null, ""]) {
      const answer = await shop.qrcodePay({ channel_code })
      const query = await shop.orderQuery({ order_no: textOf(answer, "order_no") })
      expect(query.data?.channel_code).toBe("YINSHENG_QRCODE")
    }
  })

  test.each([
    "paypal",
    "yinsheng_qrcode",
    "ALIPAY_H5",
    "YINSHENG_QRCODE ",
    "sandbox",
    "__proto__",
    "constructor",
    "toString"
  ])("%s is unknown: 422", async (channel_code) => wrongField(await shop.qrcodePay({ channel_code }), "channel_code"))
})

describe("note", () => {
  test("is up to 250 characters, counted as code points", async () => {
    expect((await shop.qrcodePay({ note: "茶".repeat(250) })).code).toBe(200)
    expect((await shop.qrcodePay({ note: "😀".repeat(250) })).code).toBe(200)
    wrongField(await shop.qrcodePay({ note: "x".repeat(251) }), "note")
  })
})

describe("when it fails", () => {
  test("because no channel takes the order, it is 400 without an order, and the number is still free", async () => {
    const live = await gateway.merchant({ test: false })
    const merchant_order_no = unique("ORD")
    for (let time = 0; time < 2; time += 1) {
      const answer = await live.qrcodePay({ merchant_order_no })
      expect([answer.code, answer.message, answer.data]).toEqual([400, "支付渠道不可用", null])
    }
    expect((await live.orderQuery({ merchant_order_no })).code).toBe(404)
  })

  test("because a channel refuses, it is 400 with the order's number, the order is FAILED and the number is used", async () => {
    const merchant_order_no = unique("ORD")
    const answer = await shop.qrcodePay({ merchant_order_no, amount: 888_801 })
    expect([answer.code, answer.message]).toEqual([400, "支付渠道不可用"])
    const order_no = textOf(answer, "order_no")
    expect(order_no).toMatch(/^QR\d{14}[0-9A-Z]{8}$/)
    const query = await shop.orderQuery({ merchant_order_no })
    expect(query.data).toMatchObject({ order_no, status: 2, status_name: "FAILED", status_text: "支付失败" })
    expect((await shop.qrcodePay({ merchant_order_no })).message).toBe(DUPLICATE)
  })

  test("because the outcome is unknown, it is 500 with the order's number and a request id, and the order can be queried", async () => {
    for (const amount of [888_802, 888_804, 888_805, 888_806]) {
      const merchant_order_no = unique("ORD")
      const answer = await shop.qrcodePay({ merchant_order_no, amount })
      expect([amount, answer.code, answer.message]).toEqual([amount, 500, "服务异常"])
      expect(answer.headers.get("x-request-id")).toBe(textOf(answer, "request_id"))
      const query = await shop.orderQuery({ merchant_order_no })
      expect(query.data).toMatchObject({ order_no: textOf(answer, "order_no"), status: 0, status_name: "PENDING" })
      expect((await shop.qrcodePay({ merchant_order_no })).message).toBe(DUPLICATE)
    }
  })
})
