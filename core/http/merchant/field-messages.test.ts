import { expect, test } from "bun:test"
import { Effect, Result } from "effect"
import type { FieldsInvalid } from "../../domain/errors.ts"
import type { Parameter, Parameters } from "../../domain/parameters.ts"
import { FIELD_MESSAGES } from "./field-messages.ts"
import { fieldDecoder, jsapiPayInfoFields, orderQueryFields, qrcodePayFields, wechatJsPayFields } from "./fields.ts"

/** Between them, these break every rule of the field tables. */
const PROBES: ReadonlyArray<Parameter> = [
  { kind: "boolean", text: "true" },
  { kind: "number", text: "1.5" },
  { kind: "number", text: "10000000001" },
  { kind: "string", text: "no-such-value" },
  { kind: "string", text: "http://127.0.0.1/" },
  { kind: "string", text: `https://example.com/${"x".repeat(5_000)}` }
]

/** Faults that no field table sees: found by the nonce's check, by the merchant's own rule, by the payer's proof. */
const ELSEWHERE = [
  "nonce.missing",
  "nonce.type",
  "nonce.length",
  "notify_url.missing",
  "code.refused",
  "payer.missing",
  "payer.both"
]

test("Every fault that a field table reports has its message, and no message is without a fault", () => {
  const rules = { webhookAllow: [], ownReceiver: () => "", channelCodes: ["wxpay_h5"] }
  const decoders: ReadonlyArray<(parameters: Parameters) => Effect.Effect<unknown, FieldsInvalid>> = [
    fieldDecoder(qrcodePayFields(rules)),
    fieldDecoder(wechatJsPayFields(rules)),
    fieldDecoder(orderQueryFields),
    fieldDecoder(jsapiPayInfoFields)
  ]
  const fields = Object.keys(FIELD_MESSAGES).map((fault) => fault.slice(0, fault.indexOf(".")))
  const requests = [new Map(), ...PROBES.map((probe) => new Map(fields.map((field) => [field, probe])))]
  const reported = new Set(ELSEWHERE)
  for (const decode of decoders) {
    for (const parameters of requests) {
      const outcome = Effect.runSync(Effect.result(decode(parameters)))
      if (Result.isSuccess(outcome)) continue
      for (const { messages } of outcome.failure.errors) for (const fault of messages) reported.add(fault)
    }
  }
  expect([...reported].toSorted()).toEqual(Object.keys(FIELD_MESSAGES).toSorted())
})
