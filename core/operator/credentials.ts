import { randomInt } from "node:crypto"
import { Redacted } from "effect"
import type { MerchantMode } from "../domain/merchant.ts"

const DIGITS = "0123456789"
const LOWER = "abcdefghijklmnopqrstuvwxyz"
const ALPHABET = DIGITS + LOWER.toUpperCase() + LOWER

const draw = (length: number, alphabet: string): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("")

/** `pk_live_…` or `pk_test_…`: 28 characters, 166 bits, so no two are ever the same. */
export const newAppId = (mode: MerchantMode): string => `pk_${mode}_${draw(28, ALPHABET)}`

/** `sk_live_…` or `sk_test_…`: 43 characters, 256 bits. */
export const newAppSecret = (mode: MerchantMode): Redacted.Redacted<string> =>
  Redacted.make(`sk_${mode}_${draw(43, ALPHABET)}`)

/** `acc_…`, lower case only: the id is part of the notice URL, which a provider's forms may lower-case. */
export const newAccountId = (): string => `acc_${draw(16, DIGITS + LOWER)}`
