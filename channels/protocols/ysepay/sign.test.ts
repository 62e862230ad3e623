import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { hasOpenssl, opensslFolder } from "../../../tests/channels/openssl.ts"
import { writeRequest } from "./request.ts"
import { baseString, signSha1Rsa, verifySha1Rsa } from "./sign.ts"

test("the base string is sorted, raw, with sign_type and without sign and blank values", () => {
  const fields = [
    ["version", "3.5"],
    ["sign", "c2ln"],
    ["sign_type", "RSA"],
    ["card_type", ""],
    ["note", " \t"],
    ["biz_content", '{"subject":"a & b=c+%20 在线支付"}'],
    ["Zeta", "0"],
    ["method", "ysepay.online.qrcodepay"]
  ] as const
  expect(baseString(fields)).toBe(
    'Zeta=0&biz_content={"subject":"a & b=c+%20 在线支付"}&method=ysepay.online.qrcodepay&sign_type=RSA&version=3.5'
  )
})

describe("a signature", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 })
  const text = "a=1&b=在线支付"
  const signature = signSha1Rsa(text, privateKey)

  test("verifies over its bytes, broken in lines as Java's old encoder does", () => {
    expect(verifySha1Rsa(Buffer.from(text), signature, publicKey)).toBe(true)
    expect(verifySha1Rsa(Buffer.from(text), `${signature.slice(0, 76)}\r\n${signature.slice(76)}\r\n`, publicKey)).toBe(
      true
    )
  })

  test("does not verify when any character of it is another one", () => {
    for (let i = 0; i < signature.length; i++) {
      for (const other of ["A", "B", "/", "=", "-", ""]) {
        const changed = signature.slice(0, i) + other + signature.slice(i + 1)
        if (changed !== signature) expect(verifySha1Rsa(Buffer.from(text), changed, publicKey)).toBe(false)
      }
    }
  })

  test.each(["", " ", "====", "not base64 at all", "AAAA"])("%p is none", (nothing) => {
    expect(verifySha1Rsa(Buffer.from(text), nothing, publicKey)).toBe(false)
  })
})

describe.skipIf(!hasOpenssl("signatures against openssl"))("openssl agrees", () => {
  let folder: ReturnType<typeof opensslFolder>
  const openssl = (...args: ReadonlyArray<string>) => folder.openssl(...args)
  beforeAll(() => {
    folder = opensslFolder()
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "merchant.pem")
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "platform.pem")
  })
  afterAll(() => folder.remove())
  const key = (name: string) => createPrivateKey(folder.file(name))

  test("that a request's sign is SHA1withRSA over its sorted parameters", () => {
    const body = writeRequest(
      { partnerId: "shanghu_test", privateKey: key("merchant.pem"), versions: {} },
      {
        method: "ysepay.online.qrcodepay",
        biz: { out_trade_no: "20261124QR093015ABCDEFGH", subject: '在线支付 "100%" & 更多', seller_name: undefined },
        notifyUrl: "https://pay.example.com/api/notice/a?no",
        nowMs: Date.parse("2026-11-23T16:30:15Z")
      }
    )
    // Spelled out here, not built by the code under test.
    const expected =
      'biz_content={"out_trade_no":"20261124QR093015ABCDEFGH","subject":"在线支付 \\"100%\\" & 更多"}' +
      "&charset=UTF-8&method=ysepay.online.qrcodepay&notify_url=https://pay.example.com/api/notice/a?no" +
      "&partner_id=shanghu_test&sign_type=RSA&timestamp=2026-11-24 00:30:15&version=3.5"
    writeFileSync(join(folder.path, "text"), expected)
    const sign = openssl("dgst", "-sha1", "-sign", "merchant.pem", "text").toString("base64")
    expect(new URLSearchParams(body).get("sign")).toBe(sign)
    expect(new URLSearchParams(body).get("timestamp")).toBe("2026-11-24 00:30:15")
  })

  test("that what it signs verifies here, and with SHA-256 does not", () => {
    const text = Buffer.from("account_date=20261124&sign_type=RSA&trade_status=TRADE_SUCCESS")
    writeFileSync(join(folder.path, "notice"), text)
    const publicKey = createPublicKey(key("platform.pem"))
    const sha1 = openssl("dgst", "-sha1", "-sign", "platform.pem", "notice").toString("base64")
    const sha256 = openssl("dgst", "-sha256", "-sign", "platform.pem", "notice").toString("base64")
    expect(verifySha1Rsa(text, sha1, publicKey)).toBe(true)
    expect(verifySha1Rsa(text, sha256, publicKey)).toBe(false)
  })
})
