import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { execFileSync } from "node:child_process"
import { createPrivateKey, type KeyObject } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { authorization, bridgeParams, newNonceStr, requestMessage } from "./sign.ts"

// No private key is in the tree: the openssl CLI makes one for this run, and signs the same bytes as we do.
let folder: string
let privateKey: KeyObject

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "payhub-sign-"))
  execFileSync("openssl", ["genrsa", "-out", join(folder, "key.pem"), "2048"], { stdio: "ignore" })
  privateKey = createPrivateKey(readFileSync(join(folder, "key.pem"), "utf8"))
})
afterAll(() => rmSync(folder, { recursive: true }))

const signedByOpenssl = (message: string): string => {
  writeFileSync(join(folder, "message"), message)
  return execFileSync("openssl", [
    "dgst",
    "-sha256",
    "-sign",
    join(folder, "key.pem"),
    join(folder, "message")
  ]).toString("base64")
}

describe("a request's Authorization", () => {
  test("of a POST is what the openssl CLI signs: five lines, Chinese as UTF-8, the last LF too", () => {
    const body = '{"description":"苹果","amount":{"total":1}}'
    const header = authorization(
      { mchid: "1900009191", serial: "1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C", privateKey },
      {
        method: "POST",
        pathAndQuery: "/v3/pay/transactions/jsapi",
        body,
        timestamp: 1554208460,
        nonce: "593BEC0C930BF1AFEB40B4A08C8FB242"
      }
    )
    const signature = signedByOpenssl(
      `POST\n/v3/pay/transactions/jsapi\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n${body}\n`
    )
    expect(header).toBe(
      `WECHATPAY2-SHA256-RSA2048 mchid="1900009191",nonce_str="593BEC0C930BF1AFEB40B4A08C8FB242",timestamp="1554208460",` +
        `serial_no="1DDE55AD98ED71D6EDD4A4A16996DE7B47773A8C",signature="${signature}"`
    )
  })

  test("of a GET is over the query too, and ends in an empty line", () => {
    const header = authorization(
      { mchid: "1900009191", serial: "AA", privateKey },
      { method: "GET", pathAndQuery: "/v3/certificates?a=1&b=%7C", body: "", timestamp: 1554208460, nonce: "N" }
    )
    expect(header).toContain(`signature="${signedByOpenssl("GET\n/v3/certificates?a=1&b=%7C\n1554208460\nN\n\n")}"`)
  })

  test.each([
    ["method", requestMessage("GET", "/p", 1, "n", "b")],
    ["path", requestMessage("POST", "/q", 1, "n", "b")],
    ["query", requestMessage("POST", "/p?x=1", 1, "n", "b")],
    ["timestamp", requestMessage("POST", "/p", 2, "n", "b")],
    ["nonce", requestMessage("POST", "/p", 1, "m", "b")],
    ["body", requestMessage("POST", "/p", 1, "n", "c")]
  ])("is over another text when its %s is another", (_part, message) => {
    expect(message).not.toBe(requestMessage("POST", "/p", 1, "n", "b"))
  })

  test("draws a new nonce of 32 characters each time", () => {
    expect(newNonceStr()).toMatch(/^[0-9A-F]{32}$/)
    expect(newNonceStr()).not.toBe(newNonceStr())
  })
})

test("the bridge's paySign is what the openssl CLI signs over appId, timeStamp, nonceStr and package", () => {
  const params = bridgeParams(privateKey, {
    appId: "wx2421b1c4370ec43b",
    prepayId: "wx201410272009395522",
    at: 1414561699,
    nonce: "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"
  })
  expect(params).toEqual({
    appId: "wx2421b1c4370ec43b",
    timeStamp: "1414561699",
    nonceStr: "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
    package: "prepay_id=wx201410272009395522",
    signType: "RSA",
    paySign: signedByOpenssl(
      "wx2421b1c4370ec43b\n1414561699\n5K8264ILTKCH16CQ2502SI8ZNMTM67VS\nprepay_id=wx201410272009395522\n"
    )
  })
})
