import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto"
import { Effect } from "effect"
import { AccountInvalid } from "../../../core/channel/index.ts"
import { derKind } from "./der.ts"
import { readKeyText } from "./key-text.ts"

/** A public RSA key, parsed once, and the certificate it came in. */
export interface PublicKey {
  readonly key: KeyObject
  /** The certificate's serial, upper-case hex; absent for a bare public key. */
  readonly serialNumber?: string
  readonly certificate?: X509Certificate
}

/**
 * Reads a provider's public RSA key or certificate: PEM, or Base64 of DER (a .cer file, SPKI or PKCS#1). Of several
 * certificates the first is taken. The key's size and the certificate's dates and issuer are not judged: the operator
 * pins it (Yinsheng's production key has 1024 bits and its certificate verifies under no key, protocols A3).
 * @param field the account's field, for the sentence of the error
 */
export const readPublicKey = Effect.fnUntraced(function* (
  field: string,
  text: string
): Effect.fn.Return<PublicKey, AccountInvalid> {
  const refuse = (problem: string) => new AccountInvalid({ field, message: `${field} ${problem}` })
  const found = readKeyText(text)
  if ("problem" in found) return yield* refuse(found.problem)
  const problems = found.map((file) => problemOf(file.encryptedPem === undefined ? derKind(file.der) : "encrypted"))
  const problem = problems.find((each) => each !== undefined)
  if (problem !== undefined) return yield* refuse(problem)
  const der = found[0]?.der ?? new Uint8Array()
  const read = derKind(der) === "certificate" ? parseCertificate(der) : parseKey(der)
  if (read === undefined)
    return yield* refuse("is damaged: it looks like a public key or certificate and cannot be read")
  if (read.key.asymmetricKeyType !== "rsa") {
    return yield* refuse(notRsa(read.key.asymmetricKeyType))
  }
  return read
})

/** Fails when a public key does not belong to a private key. */
export const checkPair = (
  field: string,
  privateKey: KeyObject,
  publicKey: KeyObject
): Effect.Effect<void, AccountInvalid> =>
  sameKey(createPublicKey(privateKey), publicKey)
    ? Effect.void
    : Effect.fail(new AccountInvalid({ field, message: `${field} does not belong to the private key` }))

/**
 * Fails when our own key stands where the provider's belongs, as merchants' consoles show both side by side: with it,
 * whoever holds our key could sign the provider's answers.
 * @param where where the operator finds the provider's key
 */
export const checkNotOwn = (
  field: string,
  privateKey: KeyObject,
  publicKey: KeyObject,
  where: string
): Effect.Effect<void, AccountInvalid> =>
  sameKey(createPublicKey(privateKey), publicKey)
    ? Effect.fail(
        new AccountInvalid({ field, message: `${field} is our own key, the public half of privateKey; give ${where}` })
      )
    : Effect.void

/** Whether two public keys are the same, whatever files they came in. */
export const sameKey = (one: KeyObject, other: KeyObject): boolean => spki(one).equals(spki(other))

/** A certificate's serial as WeChat Pay writes it: upper-case hex, two digits a byte (Deno drops a leading zero). */
export const certificateSerial = (certificate: X509Certificate): string => {
  const hex = certificate.serialNumber.toUpperCase()
  return hex.length % 2 === 0 ? hex : `0${hex}`
}

/** The end of a sentence about a key that is not RSA, which these protocols do not use. */
export const notRsa = (type: string | undefined): string =>
  `holds ${type === "ec" ? "an EC key" : `a key of another kind (${type ?? "unknown"})`}; an RSA key is needed`

const spki = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" })

const problemOf = (kind: ReturnType<typeof derKind> | "encrypted"): string | undefined => {
  switch (kind) {
    case "certificate":
    case "public-key":
    case "pkcs1-public-key":
      return undefined
    case "certificate-request":
      return "holds a certificate request; give the certificate that was issued for it"
    case "certificate-list":
      return "holds a PKCS#7 certificate list; give the one certificate (openssl pkcs7 -print_certs)"
    case "pfx":
      return "holds a .pfx file; give only the public key or the certificate"
    case "cut-off":
      return "is cut off: the end of the file is missing"
    case "unknown":
      return "is neither a public key nor a certificate: it is Base64 of something else"
    default:
      return "holds a private key where the public one is wanted"
  }
}

const parseCertificate = (der: Uint8Array): PublicKey | undefined => {
  try {
    const certificate = new X509Certificate(der)
    return { key: certificate.publicKey, serialNumber: certificateSerial(certificate), certificate }
  } catch {
    return undefined
  }
}

const parseKey = (der: Uint8Array): PublicKey | undefined => {
  try {
    const type = derKind(der) === "pkcs1-public-key" ? "pkcs1" : "spki"
    return { key: createPublicKey({ key: Buffer.from(der), format: "der", type }) }
  } catch {
    return undefined
  }
}
