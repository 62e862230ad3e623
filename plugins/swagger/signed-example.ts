import { canonicalString, hmacSha256 } from "../../core/domain/signature.ts"
import type { JsonObject } from "./json-schema.ts"

/** The known answer of the contract's section 3. Its secret signs all examples of the documentation. */
export const KNOWN_ANSWER = {
  secret: "sk_test_secret",
  canonical:
    "amount=1000&app_id=pk_live_51H8xK2eZvKYlo2C9xK2eZvKYlo2C&merchant_order_no=ORD20260315001&nonce=a1b2c3d4&notify_url=https://example.com/notify&timestamp=1710489862",
  sign: "4c9f9a10f9ab6c0a7b3e12e811cf3ac456cc3be7344e442d4e591d4d70c74dc9"
} as const

/** Adds the signature under the known secret, so that readers can check their code against the example. */
export const signedExample = (example: JsonObject): JsonObject => {
  const pairs = Object.entries(example).map(([key, value]) => [key, value === null ? "" : String(value)] as const)
  return { ...example, sign: hmacSha256(KNOWN_ANSWER.secret, canonicalString(pairs)) }
}
