import { expect, test } from "bun:test"
import { PNG } from "pngjs"
import QRCode from "qrcode"
import { readQrCode } from "./qr-reader.ts"

const LINK = "https://qr.example.com/sandbox/pay?t=QR20260315123456ABCDEFGH-9f8e7d6c5b4a"

test.each([
  "HTTPS://QR.EXAMPLE.COM/1234567890",
  LINK,
  "weixin://wxpay/bizpayurl?pr=付款",
  `https://qr.example.com/${"0123456789abcdefghij".repeat(20)}`
])("the tests' QR reader reads what a printer wrote: %s", async (text) => {
  for (const errorCorrectionLevel of ["L", "M", "Q", "H"] as const) {
    const png = await QRCode.toBuffer(text, { errorCorrectionLevel, width: 400 + text.length * 3 })
    expect(readQrCode(png)).toBe(text)
  }
})

test("the tests' QR reader tells two codes apart that differ in one character", async () => {
  const other = `${LINK.slice(0, -1)}b`
  expect(readQrCode(await QRCode.toBuffer(other))).toBe(other)
  expect(readQrCode(await QRCode.toBuffer(other))).not.toBe(LINK)
})

test("the tests' QR reader refuses a picture without a code", async () => {
  const png = await QRCode.toBuffer("x", { color: { dark: "#ffffff", light: "#ffffff" } })
  expect(() => readQrCode(png)).toThrow("no QR code")
})

test("the tests' QR reader refuses a code of which a third is blank", async () => {
  const picture = PNG.sync.read(await QRCode.toBuffer(LINK, { width: 400 }))
  for (let y = 130; y < 260; y++) picture.data.fill(255, y * picture.width * 4, (y + 1) * picture.width * 4)
  expect(() => readQrCode(PNG.sync.write(picture))).toThrow("no QR code")
})
