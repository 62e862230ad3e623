import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { newOrderNo } from "../../../core/domain/order-no.ts"
import { orderKeyOf, orderNoOf, storedOrderKey } from "./order-number.ts"

test("an order number becomes an out_trade_no that begins with its shop date, and comes back", () => {
  expect(orderKeyOf("QR20261124093015ABCDEFGH")).toEqual({
    out_trade_no: "20261124QR093015ABCDEFGH",
    shopdate: "20261124"
  })
  expect(orderNoOf("20261124QR093015ABCDEFGH")).toBe("QR20261124093015ABCDEFGH")
})

test("every number of the gateway comes back as it was and keeps to 32 characters", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("QR", "WX"),
      fc.nat(50_000),
      fc.integer({ min: 0, max: 4_102_444_800_000 }),
      (prefix, merchant, ms) => {
        const orderNo = newOrderNo(prefix as "QR", merchant, ms)
        const { out_trade_no, shopdate } = orderKeyOf(orderNo)
        expect(orderNoOf(out_trade_no)).toBe(orderNo)
        expect(out_trade_no.length).toBeLessThanOrEqual(32)
        expect(out_trade_no.startsWith(shopdate)).toBe(true)
      }
    )
  )
})

test.each([
  "",
  "JY_2021111912473678220016",
  "20261124",
  "QR20261124093015ABCDEFGH",
  "20261124QR093015abcdefgh",
  "20261124QR093015ABCDEFGH\n"
])("%p is no out_trade_no of ours", (text) => expect(orderNoOf(text)).toBeUndefined())

test("what was stored with the order counts before what its number gives", () => {
  const stored = { out_trade_no: "20261123QR235959AAAAAAAA", shopdate: "20261123" }
  expect(storedOrderKey("QR20261124000000AAAAAAAA", stored)).toEqual(stored)
  expect(storedOrderKey("QR20261124000000AAAAAAAA", {}).shopdate).toBe("20261124")
})
