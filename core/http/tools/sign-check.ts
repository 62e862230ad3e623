import { type Parameters, signedPairs } from "../../domain/parameters.ts"
import { canonicalString, hmacSha256, sameDigest } from "../../domain/signature.ts"
import { differencesOf } from "./sign-differences.ts"
import type { Difference, Finding, SignFault } from "./sign-findings.ts"
import { knownMistakes, signFault } from "./sign-mistakes.ts"

/*
 * Finds out why a merchant's signature does not verify (contract section 3). Pure. The result contains nothing that
 * could be sent: never the expected signature, never the position of a signature's first wrong digit (which would allow
 * guessing digit by digit), never a secret, even if the given texts contain one.
 */

export interface SignCheckInput {
  /** The request as it was sent. */
  readonly parameters: Parameters
  /** The string that the merchant's code signed; undefined = not known. */
  readonly built: string | undefined
  /** The signature that the merchant's code made; undefined = the request's own. */
  readonly sign: string | undefined
  /** The merchant's live secrets. */
  readonly secrets: ReadonlyArray<string>
}

export interface SignCheck {
  /** Whether the request passes the gateway's signature check as it is. */
  readonly verified: boolean
  /** The string that has to be signed. */
  readonly canonical: string
  readonly difference: Difference | null
  /** In the order of the string; empty = nothing is wrong. */
  readonly findings: ReadonlyArray<Finding>
}

/** Diagnoses one request. */
export const checkSign = ({ parameters, built, sign, secrets }: SignCheckInput): SignCheck => {
  const canonical = canonicalString(signedPairs(parameters))
  const sent = parameters.get("sign")
  const sentSign = sent?.kind === "string" ? sent.text : ""
  const made = sign ?? sentSign
  const verifies = (text: string, digest: string) =>
    secrets.some((secret) => sameDigest(hmacSha256(secret, text), digest))
  const verified = verifies(canonical, sentSign)

  const findings: Array<Finding> = []
  const aSecretIsSent = [...parameters.values()].some(({ text }) => secrets.some((secret) => text.includes(secret)))
  if (aSecretIsSent) findings.push({ code: "secret-sent" })
  if (!verified || (built !== undefined && built !== canonical)) {
    const inString = stringFindings({ parameters, built, sign: made, secrets }, canonical)
    const inSign = signFinding(canonical, built, made, sentSign, verifies, secrets)
    findings.push(...inString)
    // If the string was not given and a mistake was recognised by its signature, the secret is right.
    if (inSign !== undefined && (built !== undefined || inString.length === 0)) findings.push({ code: inSign })
  }
  const hide = hider(secrets)
  return {
    verified,
    canonical: hide(canonical),
    difference: built === undefined || built === canonical ? null : firstDifference(canonical, built, hide),
    findings: findings.map((finding) => shown(finding, hide))
  }
}

/**
 * Faults of the string: found in the string itself or, if it was not given, by trying which wrong string was signed.
 */
const stringFindings = (
  { parameters, built, sign = "", secrets }: SignCheckInput,
  canonical: string
): ReadonlyArray<Finding> => {
  if (built === canonical) return []
  const known = knownMistakes(parameters, secrets)
  const signedWith = (text: string) => secrets.some((secret) => sameDigest(hmacSha256(secret, text), sign))
  const mistake = known.find(({ text }) => (built === undefined ? signedWith(text) : text === built))
  if (mistake !== undefined) {
    // One mistake explains the whole string; the parameters that show it are the best examples.
    const { code, text } = mistake
    const examples = differencesOf(parameters, text, secrets).filter((finding) => finding.code === code)
    return examples.length > 0 ? examples : [{ code }]
  }
  if (built === undefined) return []
  const differences = differencesOf(parameters, built, secrets)
  return differences.length > 0 ? differences : [{ code: "other-string" }]
}

const signFinding = (
  canonical: string,
  built: string | undefined,
  made: string,
  sentSign: string,
  verifies: (text: string, digest: string) => boolean,
  secrets: ReadonlyArray<string>
): SignFault | undefined => {
  if (made === "") return "sign-missing"
  if (verifies(canonical, made)) return made === sentSign ? undefined : "sign-not-sent"
  if (built !== undefined && verifies(built, made)) return "secret-right"
  const unknown = built === undefined ? "string-or-secret" : "wrong-secret"
  return signFault(built ?? canonical, made, secrets) ?? unknown
}

/** Characters of a text that are shown. */
const SHOWN_CHARS = 60

const firstDifference = (canonical: string, built: string, hide: (text: string) => string): Difference => {
  const [right, wrong] = [Buffer.from(canonical), Buffer.from(built)]
  let byte = 0
  while (byte < right.length && right[byte] === wrong[byte]) byte++
  // The excerpt starts at a character's first byte, even if the difference is inside the character.
  let start = byte
  while (start > 0 && ((right[start] ?? 0) & 0xc0) === 0x80) start--
  const at = right.subarray(0, start).toString().length
  const from = canonical.lastIndexOf("&", Math.max(0, at - 1)) + 1
  const key = canonical.slice(from).split("=", 1)[0] ?? null
  return {
    byte,
    parameter: at >= canonical.length ? null : key,
    expected: hide(canonical).slice(at, at + SHOWN_CHARS),
    actual: hide(built).slice(at, at + SHOWN_CHARS)
  }
}

/** Masks live secrets in shown texts, keeping the length: a merchant's code may have put one into its string. */
const hider =
  (secrets: ReadonlyArray<string>) =>
  (text: string): string =>
    secrets.reduce((left, secret) => left.replaceAll(secret, "*".repeat(secret.length)), text)

const shown = ({ given, wanted, ...finding }: Finding, hide: (text: string) => string): Finding => ({
  ...finding,
  ...(given === undefined ? {} : { given: hide(given).slice(0, SHOWN_CHARS) }),
  ...(wanted === undefined ? {} : { wanted: hide(wanted).slice(0, SHOWN_CHARS) })
})
