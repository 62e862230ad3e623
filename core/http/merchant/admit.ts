import { Effect } from "effect"
import { FieldsInvalid } from "../../domain/errors.ts"
import { fieldInput, type Parameters } from "../../domain/parameters.ts"
import { Auth } from "../../pipeline/auth/auth.ts"
import { Replay } from "../../pipeline/replay/replay.ts"

/** A merchant's call as it arrived. */
export interface SignedCall {
  readonly parameters: Parameters
  readonly clientIp: string
}

/**
 * Admits a merchant's call, the first half of the contract's section 4: authenticates the merchant and claims the
 * nonce.
 */
export const admit = Effect.fnUntraced(function* ({ parameters, clientIp }: SignedCall) {
  const auth = yield* Auth
  const replay = yield* Replay
  const merchant = yield* auth.authenticate(parameters, clientIp)
  yield* replay.claim(merchant, yield* wellFormedNonce(parameters))
  return merchant
})

const NONCE_CHARACTERS_MAX = 32

const wellFormedNonce = (parameters: Parameters): Effect.Effect<string, FieldsInvalid> => {
  const nonce = fieldInput(parameters.get("nonce"))
  const fault =
    nonce === undefined
      ? "nonce.missing"
      : typeof nonce !== "string"
        ? "nonce.type"
        : [...nonce].length > NONCE_CHARACTERS_MAX
          ? "nonce.length"
          : undefined
  return fault === undefined
    ? Effect.succeed(String(nonce))
    : Effect.fail(new FieldsInvalid({ errors: [{ field: "nonce", messages: [fault] }] }))
}
