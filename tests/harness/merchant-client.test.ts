import { expect, test } from "bun:test"
import { canonicalText, hmac, isSignedWith } from "./merchant-client.ts"

test("the tests' own signature is the contract's known answer", () => {
  const text =
    "amount=1000&app_id=pk_live_51H8xK2eZvKYlo2C9xK2eZvKYlo2C&merchant_order_no=ORD20260315001&nonce=a1b2c3d4&notify_url=https://example.com/notify&timestamp=1710489862"
  expect(hmac("sk_test_secret", text)).toBe("4c9f9a10f9ab6c0a7b3e12e811cf3ac456cc3be7344e442d4e591d4d70c74dc9")
  const body = `{"timestamp": 1710489862, "nonce":"a1b2c3d4","notify_url":"https:\\/\\/example.com\\/notify",
    "merchant_order_no":"ORD20260315001","amount":1000,"app_id":"pk_live_51H8xK2eZvKYlo2C9xK2eZvKYlo2C"}`
  expect(canonicalText(body)).toBe(text)
  const sign = "4c9f9a10f9ab6c0a7b3e12e811cf3ac456cc3be7344e442d4e591d4d70c74dc9"
  expect(isSignedWith("sk_test_secret", `${body.slice(0, -1)},"sign":"${sign}"}`)).toBe(true)
  expect(isSignedWith("sk_test_secre", `${body.slice(0, -1)},"sign":"${sign}"}`)).toBe(false)
})

test("the tests' own canonical text drops null and empty texts, keeps 0 and false, and keeps numbers as written", () => {
  const body = `{"b":1.50,"a":null,"c":"","B":0,"_":false,"d":1e3,"～":"x","😀":"y","sign":"z","e":"a&b=c\\u4e2d\\n"}`
  expect(canonicalText(body)).toBe("B=0&_=false&b=1.50&d=1e3&e=a&b=c中\n&～=x&😀=y")
})
