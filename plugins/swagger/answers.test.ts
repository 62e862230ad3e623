import { expect, test } from "bun:test"
import { webhookBody } from "../../core/pipeline/notifier/compose.ts"
import { at, documents } from "./document.fixture.ts"
import type { JsonObject } from "./json-schema.ts"
import { misfit } from "./schema-check.fixture.ts"

test("The document describes the webhook that the gateway sends, field for field", () => {
  const order = {
    orderNo: "QR20260315120000A1B2C3D4",
    merchantOrderNo: "M1",
    amountFen: 1000,
    channelCode: "wxpay_h5",
    extra: ""
  }
  const sent = JSON.parse(
    webhookBody(order, { actualFen: 994, paidAt: new Date(0) }, "Asia/Shanghai", "sk")
  ) as JsonObject
  const schema = at(documents.zh, "components", "schemas", "PaymentWebhook")
  expect(Object.keys(at(schema, "properties"))).toEqual(Object.keys(sent))
  expect(misfit(sent, schema, documents.zh)).toBeUndefined()
  expect(misfit({ ...sent, more: 1 }, schema, documents.zh)).toContain("must NOT have additional properties")
  const { order_no: _left, ...short } = sent
  expect(misfit(short, schema, documents.zh)).toContain("must have required property 'order_no'")
  expect(misfit({ ...sent, status: "1" }, schema, documents.zh)).toContain("data/status")
})
