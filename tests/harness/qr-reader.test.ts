import { expect, test } from "bun:test"
import QRCode from "qrcode"
import { readQrCode } from "./qr-reader.ts"

test.each([
  "HTTPS://QR.EXAMPLE.COM/1234567890",
  "https://qr.example.com/sandbox/pay?t=QR20260315123456ABCDEFGH-9f8e7d6c5b4a",
  "weixin://wxpay/bizpayurl?pr=付款",
  `https://qr.example.com/${"0123456789abcdefghij".repeat(20)}`
])("the tests' QR reader reads what a printer wrote: %s", async (text) => {
  for (const errorCorrectionLevel of ["L", "M", "Q", "H"] as const) {
    const png = await QRCode.toBuffer(text, { errorCorrectionLevel, width: 400 + text.length * 3 })
    expect(readQrCode(png)).toBe(text)
  }
})

test("the tests' QR reader refuses a picture without a code", async () => {
  const png = await QRCode.toBuffer("x", { color: { dark: "#ffffff", light: "#ffffff" } })
  expect(() => readQrCode(png)).toThrow("no QR code")
})
