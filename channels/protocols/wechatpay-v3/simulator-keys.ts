import { createCipheriv, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto"
import forge from "node-forge"

/** A certificate with its private key, of the simulated WeChat Pay or its merchant. */
export interface SimulatedCertificate {
  /** Upper-case hex. */
  readonly serial: string
  readonly certificatePem: string
  readonly publicKeyPem: string
  readonly privateKeyPem: string
  readonly privateKey: KeyObject
  readonly from: Date
  readonly to: Date
}

/** A fresh RSA-2048 key and a self-signed X.509 certificate over it. */
export const newCertificate = (commonName: string, from: Date, to: Date): SimulatedCertificate => {
  // The runtime generates keys many times faster than node-forge.
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" }
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey)
  // 20 bytes whose first bit is 0, so that DER adds no sign byte.
  certificate.serialNumber = `5${randomBytes(20).toString("hex").slice(1)}`
  certificate.validity.notBefore = from
  certificate.validity.notAfter = to
  const name = [{ name: "commonName", value: commonName }]
  certificate.setSubject(name)
  certificate.setIssuer(name)
  certificate.sign(forge.pki.privateKeyFromPem(pair.privateKey), forge.md.sha256.create())
  return {
    serial: certificate.serialNumber.toUpperCase(),
    certificatePem: forge.pki.certificateToPem(certificate),
    publicKeyPem: pair.publicKey,
    privateKeyPem: pair.privateKey,
    privateKey: createPrivateKey(pair.privateKey),
    from,
    to
  }
}

export const YEAR_MS = 365 * 86_400_000

const made = new Map<string, SimulatedCertificate>()

/** A certificate that is valid now, made once per name and process: a hundred simulators would make 400 RSA keys. */
export const certificateOf = (name: string): SimulatedCertificate => {
  const certificate =
    made.get(name) ?? newCertificate(name, new Date(Date.now() - YEAR_MS), new Date(Date.now() + 5 * YEAR_MS))
  made.set(name, certificate)
  return certificate
}

/** Seals a text as WeChat Pay seals notices and certificates (AEAD_AES_256_GCM). */
export const sealResource = (apiV3Key: string, text: string, associatedData: string) => {
  const nonce = randomBytes(6).toString("hex")
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(apiV3Key), Buffer.from(nonce))
  cipher.setAAD(Buffer.from(associatedData))
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()])
  return {
    algorithm: "AEAD_AES_256_GCM",
    ciphertext: sealed.toString("base64"),
    nonce,
    associated_data: associatedData
  }
}
