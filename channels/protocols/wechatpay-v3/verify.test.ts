import { describe, expect, test } from "bun:test"
import { createPublicKey } from "node:crypto"
import { newCertificate } from "./simulator-keys.ts"
import vectors from "./vectors/openssl-signed-answers.json" with { type: "json" }
import { TIMESTAMP_TOLERANCE_MS, verifySignature } from "./verify.ts"

const SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
const PUBLIC_KEY_ID = "PUB_KEY_ID_0119000000012026010100000000000001"
const other = newCertificate("other", new Date(0), new Date(1))
const keyring = new Map([
  [SERIAL, createPublicKey(vectors.publicKey)],
  [PUBLIC_KEY_ID, createPublicKey(other.publicKeyPem)]
])
const [answer, empty] = vectors.answers as [(typeof vectors.answers)[0], (typeof vectors.answers)[0]]
const headersOf = (vector: typeof answer): Record<string, string> => ({
  "wechatpay-timestamp": vector.timestamp,
  "wechatpay-nonce": vector.nonce,
  "wechatpay-signature": vector.signature,
  "wechatpay-serial": SERIAL
})
const headers = headersOf(answer)
/** The next digit of Base64: it decodes to the same byte where its low bits are dropped. */
const nextDigit = (digit: string): string => {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  return digits[digits.indexOf(digit) + 1] ?? ""
}
const nowMs = Number(answer.timestamp) * 1000
const body = Buffer.from(answer.body)

describe("an answer that the openssl CLI signed", () => {
  test("verifies over its raw bytes", () => {
    expect(verifySignature(headers, body, nowMs, keyring)).toBe("valid")
  })

  test("verifies with an empty body, as a 204 has", () => {
    expect(verifySignature(headersOf(empty), new Uint8Array(), Number(empty.timestamp) * 1000, keyring)).toBe("valid")
  })

  test("does not verify when it was parsed and written again", () => {
    const again = Buffer.from(JSON.stringify(JSON.parse(answer.body)))
    expect(again.toString()).not.toBe(answer.body)
    expect(verifySignature(headers, again, nowMs, keyring)).toBe("forged")
  })

  test.each([
    ["its body", headers, Buffer.from(answer.body.replace("EV", "EW")), "forged"],
    ["its nonce", { ...headers, "wechatpay-nonce": `${answer.nonce}0` }, body, "forged"],
    [
      "its timestamp by a second",
      { ...headers, "wechatpay-timestamp": String(Number(answer.timestamp) + 1) },
      body,
      "forged"
    ],
    ["its signature", { ...headers, "wechatpay-signature": answer.signature.replace(/^../, "AA") }, body, "forged"],
    ["its serial to another key of ours", { ...headers, "wechatpay-serial": PUBLIC_KEY_ID }, body, "forged"],
    ["its serial to nobody's", { ...headers, "wechatpay-serial": "ABCDEF0123" }, body, "unknown-serial"]
  ])("fails when somebody changes %s", (_what, changed, bytes, verdict) => {
    expect(verifySignature(changed, bytes, nowMs, keyring)).toBe(verdict as "forged")
  })

  test.each([
    ["without its padding", answer.signature.replace(/=+$/, "")],
    ["in the URL's alphabet", answer.signature.replaceAll("+", "-").replaceAll("/", "_")],
    ["with something behind it", `${answer.signature}AAAA`],
    ["with a space inside", `${answer.signature.slice(0, 40)} ${answer.signature.slice(40)}`],
    ["with a stray character", `${answer.signature.slice(0, 40)}*${answer.signature.slice(40)}`],
    ["with bits that are dropped", answer.signature.replace(/(.)==$/, (_, last) => `${nextDigit(last)}==`)]
  ])("is refused when its signature is spelled %s", (_how, signature) => {
    expect(signature).not.toBe(answer.signature)
    expect(verifySignature({ ...headers, "wechatpay-signature": signature }, body, nowMs, keyring)).toBe("forged")
  })

  test.each([
    ["WECHATPAY2-SHA256-RSA2048", "valid"],
    ["WECHATPAY2-SM2-WITH-SM3", "other-algorithm"],
    ["", "other-algorithm"]
  ])("whose signature type is %p is judged so", (type, verdict) => {
    const typed = { ...headers, "wechatpay-signature-type": type }
    expect(verifySignature(typed, body, nowMs, keyring)).toBe(verdict as "valid")
  })

  test.each(["wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "wechatpay-serial"])(
    "counts as unsigned without %s",
    (name) => {
      expect(verifySignature({ ...headers, [name]: "" }, body, nowMs, keyring)).toBe("unsigned")
    }
  )

  test.each([
    ["300 s old", TIMESTAMP_TOLERANCE_MS, "valid"],
    ["300 s ahead", -TIMESTAMP_TOLERANCE_MS, "valid"],
    ["more than 300 s old", TIMESTAMP_TOLERANCE_MS + 1, "stale"],
    ["more than 300 s ahead", -TIMESTAMP_TOLERANCE_MS - 1, "stale"]
  ])("that is %s is judged so", (_age, ageMs, verdict) => {
    expect(verifySignature(headers, body, nowMs + ageMs, keyring)).toBe(verdict as "valid")
  })

  test.each(["", "1e9", "-1554208460", "1554208460.0", "NaN", "99999999999999999999"])(
    "with the timestamp %p is not believed",
    (timestamp) => {
      expect(verifySignature({ ...headers, "wechatpay-timestamp": timestamp }, body, nowMs, keyring)).not.toBe("valid")
    }
  )

  test("is found by its serial whatever its case", () => {
    expect(verifySignature({ ...headers, "wechatpay-serial": SERIAL.toLowerCase() }, body, nowMs, keyring)).toBe(
      "valid"
    )
  })
})

test("WeChat Pay's own signature probes fail as a forgery does", () => {
  const probe = { ...headers, "wechatpay-signature": `WECHATPAY/SIGNTEST/${answer.signature}` }
  expect(verifySignature(probe, body, nowMs, keyring)).toBe("forged")
})
