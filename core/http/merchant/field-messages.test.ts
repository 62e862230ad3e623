import { expect, test } from "bun:test"
import { Effect, Result } from "effect"
import { ownUrlLayer } from "../../../tests/harness/stores.ts"
import { Settings } from "../../config/gateway-config.ts"
import type { FieldsInvalid } from "../../domain/errors.ts"
import type { Merchant } from "../../domain/merchant.ts"
import type { Parameter, Parameters } from "../../domain/parameters.ts"
import { readConfig } from "../../start/environment.ts"
import { fieldDecoder } from "./field-decoders.ts"
import { FIELD_MESSAGES } from "./field-messages.ts"
import { jsapiPayInfoFields, orderQueryFields, qrcodePayFields, wechatJsPayFields } from "./fields.ts"
import { notifyUrlFault } from "./notify-url-fault.ts"

/** Together, these values break every rule of the field tables. */
const PROBES: ReadonlyArray<Parameter> = [
  { kind: "boolean", text: "true" },
  { kind: "number", text: "1.5" },
  { kind: "number", text: "10000000001" },
  { kind: "string", text: "no-such-value" },
  { kind: "string", text: "http://127.0.0.1/" },
  { kind: "string", text: `https://example.com/${"x".repeat(5_000)}` }
]

/** Faults that the nonce's check and the payer's proof report. */
const ELSEWHERE = ["nonce.missing", "nonce.type", "nonce.length", "code.refused", "payer.missing", "payer.both"]

/** The faults that notifyUrlFault reports. */
const notifyUrlFaults = async (requests: ReadonlyArray<Parameters>): Promise<ReadonlyArray<string>> => {
  const config = await Effect.runPromise(readConfig({}))
  const merchant: Merchant = {
    id: 1,
    appId: "pk_live_00000000",
    name: "A shop",
    mode: "live",
    active: true,
    callbackUrl: null,
    allowIps: [],
    throttle: null,
    accounts: null,
    createdAt: new Date(0)
  }
  const faults = Effect.forEach(requests, (parameters) => notifyUrlFault(merchant, parameters))
  const provided = faults.pipe(Effect.provideService(Settings, config), Effect.provide(ownUrlLayer()))
  return (await Effect.runPromise(provided)).filter((fault) => fault !== undefined)
}

test("Every fault that a field table reports has a message, and every message has such a fault", async () => {
  const channelCodes = ["wxpay_h5"]
  const decoders: ReadonlyArray<(parameters: Parameters) => Effect.Effect<unknown, FieldsInvalid>> = [
    fieldDecoder(qrcodePayFields(channelCodes)),
    fieldDecoder(wechatJsPayFields),
    fieldDecoder(orderQueryFields),
    fieldDecoder(jsapiPayInfoFields)
  ]
  const fields = Object.keys(FIELD_MESSAGES).map((fault) => fault.slice(0, fault.indexOf(".")))
  const requests: ReadonlyArray<Parameters> = [
    new Map(),
    ...PROBES.map((probe) => new Map(fields.map((field) => [field, probe])))
  ]
  const reported = new Set([...ELSEWHERE, ...(await notifyUrlFaults(requests))])
  for (const decode of decoders) {
    for (const parameters of requests) {
      const outcome = Effect.runSync(Effect.result(decode(parameters)))
      if (Result.isSuccess(outcome)) continue
      for (const { messages } of outcome.failure.errors) for (const fault of messages) reported.add(fault)
    }
  }
  expect([...reported].toSorted()).toEqual(Object.keys(FIELD_MESSAGES).toSorted())
})
