import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto"
import { Effect, Redacted } from "effect"
import { AccountInvalid } from "../../../core/channel/index.ts"
import { type DerKind, derKind } from "./der.ts"
import { readKeyText } from "./key-text.ts"
import { type Opened, openEncryptedDer, openEncryptedPem, openPfx } from "./pfx.ts"
import { certificateSerial, notRsa, sameKey } from "./public-key.ts"

/** A private RSA key, parsed once, with its certificate's serial where the file holds that certificate. */
export interface PrivateKey {
  readonly key: KeyObject
  /** Upper-case hex. */
  readonly serialNumber?: string
  readonly certificate?: X509Certificate
}

/**
 * Reads a merchant's private RSA key: PEM, Base64 of DER (PKCS#8 or PKCS#1), or Base64 of a .pfx / .p12. A certificate
 * beside the key (in a .pfx, or as a second PEM block) must belong to it.
 * @param field the account's field, for the sentence of the error; no error ever holds the text or the password
 * @param options.password opens a .pfx or an encrypted PEM; absent = the empty one
 */
export const readPrivateKey = Effect.fnUntraced(function* (
  field: string,
  text: Redacted.Redacted<string>,
  options?: { readonly password?: Redacted.Redacted<string> | undefined }
): Effect.fn.Return<PrivateKey, AccountInvalid> {
  const refuse = (problem: string) => new AccountInvalid({ field, message: `${field} ${problem}` })
  const found = readKeyText(Redacted.value(text))
  if ("problem" in found) return yield* refuse(found.problem)
  const opened = openAll(found, options?.password === undefined ? undefined : Redacted.value(options.password))
  if (typeof opened === "string") return yield* refuse(opened)

  const [der, ...others] = opened.privateKeys
  if (der === undefined) {
    return yield* refuse(
      opened.certificates.length > 0
        ? "holds a certificate and no private key; give the private key that it was made with"
        : "holds no private key"
    )
  }
  if (others.length > 0) return yield* refuse(`holds ${opened.privateKeys.length} private keys; give one`)
  const key = parse(der)
  if (key === undefined) return yield* refuse("is damaged: it looks like a private key and cannot be read as one")
  if (key.asymmetricKeyType !== "rsa") return yield* refuse(notRsa(key.asymmetricKeyType))

  const certificates = opened.certificates.flatMap(parseCertificate)
  const own = certificates.find((certificate) => sameKey(certificate.publicKey, createPublicKey(key)))
  if (own !== undefined) return { key, serialNumber: certificateSerial(own), certificate: own }
  if (certificates.length > 0) return yield* refuse("holds a certificate that does not belong to its private key")
  return { key }
})

/** Opens every container, or gives the end of a sentence that says why one cannot be used. */
const openAll = (
  found: Extract<ReturnType<typeof readKeyText>, ReadonlyArray<unknown>>,
  password: string | undefined
) => {
  const privateKeys: Array<Uint8Array> = []
  const certificates: Array<Uint8Array> = []
  for (const { der, encryptedPem } of found) {
    const kind = derKind(der)
    if (encryptedPem !== undefined || kind === "encrypted-private-key") {
      if (password === undefined) return "is encrypted: give its password, or decrypt it (openssl pkey -in FILE)"
      const opened =
        encryptedPem === undefined ? openEncryptedDer(der, password) : openEncryptedPem(encryptedPem, password)
      // A wrong password sometimes decrypts into bytes with valid padding; they are still no key.
      if (typeof opened === "string" || parse(opened) === undefined) return "does not open with the password given"
      privateKeys.push(opened)
    } else if (kind === "pfx") {
      const opened = openPfx(der, password ?? "")
      if (opened === "wrong-password") {
        return password === undefined
          ? "is a .pfx file with a password: give it"
          : "is a .pfx file that does not open with the password given"
      }
      if (opened === "damaged") return "is a .pfx file that is damaged, or of a kind that cannot be read here"
      privateKeys.push(...opened.privateKeys)
      certificates.push(...opened.certificates)
    } else if (kind === "certificate") {
      certificates.push(der)
    } else if (kind in refusals) {
      return refusals[kind as keyof typeof refusals]
    } else {
      privateKeys.push(der)
    }
  }
  return { privateKeys, certificates } satisfies Opened
}

const refusals = {
  "public-key": "holds a public key where the private key is wanted",
  "pkcs1-public-key": "holds a public key where the private key is wanted",
  "certificate-request": "holds a certificate request; give the private key that it was made with",
  "certificate-list": "holds a PKCS#7 certificate list and no private key; give the private key or the .pfx file",
  "ec-private-key": "holds an EC key; an RSA key is needed",
  "cut-off": "is cut off: the end of the file is missing",
  unknown: "is not a private key: it is Base64 of something else"
} as const satisfies { readonly [K in DerKind]?: string }

const parse = (der: Uint8Array): KeyObject | undefined => {
  const kind = derKind(der)
  const type = kind === "pkcs8-private-key" ? "pkcs8" : kind === "ec-private-key" ? "sec1" : "pkcs1"
  if (type === "pkcs1" && kind !== "pkcs1-private-key") return undefined
  try {
    return createPrivateKey({ key: Buffer.from(der), format: "der", type })
  } catch {
    return undefined
  }
}

const parseCertificate = (der: Uint8Array): ReadonlyArray<X509Certificate> => {
  try {
    return [new X509Certificate(der)]
  } catch {
    return []
  }
}
