import { type KeyObject, X509Certificate } from "node:crypto"
import { type Redacted, Schema } from "effect"
import { EncryptedResource, openResource } from "./resource.ts"
import { type PlatformKeyring, type SignatureVerdict, serialKey, verifySignature } from "./verify.ts"

/** Age at which downloaded certificates are fetched again; WeChat Pay asks for at most 12 hours. */
export const CERTIFICATES_FRESH_MS = 12 * 3_600_000

/** Shortest time between two downloads, however many unknown serials turn up (forged ones included). */
export const DOWNLOAD_GAP_MS = 60_000

/** The same while there is no key at all: no order can be sent until a download succeeds. */
const FIRST_DOWNLOAD_GAP_MS = 5_000

/** The path of the list of platform certificates. */
export const CERTIFICATES_PATH = "/v3/certificates"

/**
 * All keys that WeChat Pay may sign with for one account: those that the operator pinned (public keys, certificates)
 * and those that were downloaded. Decides when a download is due, and does no I/O itself.
 */
export class PlatformKeys {
  readonly #pinned: PlatformKeyring
  readonly #downloads: boolean
  #downloaded: PlatformKeyring = new Map()
  #wanted = false
  #triedAt: number | undefined
  #freshUntil = 0

  /** @param downloads whether certificates are fetched from /v3/certificates */
  constructor(pinned: PlatformKeyring, downloads: boolean) {
    this.#pinned = pinned
    this.#downloads = downloads
  }

  get isEmpty(): boolean {
    return this.#pinned.size + this.#downloaded.size === 0
  }

  /** Judges an answer or a notice. An unknown certificate serial makes a download due. */
  verify(headers: Readonly<Record<string, string>>, body: Uint8Array, nowMs: number): SignatureVerdict {
    const keyring = new Map([...this.#downloaded, ...this.#pinned])
    const verdict = verifySignature(headers, body, nowMs, keyring)
    // A PUB_KEY_ID_… cannot be downloaded; only the operator can add it.
    if (verdict === "unknown-serial" && /^[0-9A-F]{8,64}$/.test(serialKey(headers["wechatpay-serial"] ?? ""))) {
      this.#wanted = true
    }
    return verdict
  }

  downloadDue(nowMs: number): boolean {
    if (!this.#downloads) return false
    const gapMs = this.isEmpty ? FIRST_DOWNLOAD_GAP_MS : DOWNLOAD_GAP_MS
    if (this.#triedAt !== undefined && nowMs - this.#triedAt < gapMs) return false
    return this.#wanted || nowMs >= this.#freshUntil
  }

  /** Call this when a download starts, whatever its outcome. */
  downloadTried(nowMs: number): void {
    this.#triedAt = nowMs
  }

  /**
   * Takes a certificate list, if it is WeChat Pay's: its certificates open with the APIv3 key, and the answer itself
   * verifies with one of them or with a pinned key. Certificates that are gone from the list are forgotten.
   */
  accept(answer: {
    readonly headers: Readonly<Record<string, string>>
    readonly body: Uint8Array
    readonly apiV3Key: Redacted.Redacted<string>
    readonly nowMs: number
  }): "accepted" | "unreadable" | SignatureVerdict {
    const listed = readCertificates(answer.body, answer.apiV3Key, answer.nowMs)
    if (listed === undefined) return "unreadable"
    const keyring = new Map([...listed, ...this.#pinned])
    const verdict = verifySignature(answer.headers, answer.body, answer.nowMs, keyring)
    if (verdict !== "valid") return verdict
    this.#downloaded = listed
    this.#freshUntil = answer.nowMs + CERTIFICATES_FRESH_MS
    this.#wanted = false
    return "accepted"
  }
}

const CertificateList = Schema.fromJsonString(
  Schema.Struct({
    data: Schema.Array(Schema.Struct({ serial_no: Schema.String, encrypt_certificate: EncryptedResource }))
  })
)
const decodeList = Schema.decodeUnknownOption(CertificateList)

/**
 * The certificates of an answer that are valid now, by serial. `undefined` when one of them does not open: the APIv3
 * key is wrong, or the answer is not WeChat Pay's.
 */
const readCertificates = (
  body: Uint8Array,
  apiV3Key: Redacted.Redacted<string>,
  nowMs: number
): PlatformKeyring | undefined => {
  const list = decodeList(Buffer.from(body).toString("utf8"))
  if (list._tag === "None") return undefined
  const keys = new Map<string, KeyObject>()
  for (const { serial_no, encrypt_certificate } of list.value.data) {
    const pem = openResource(apiV3Key, encrypt_certificate)
    if (pem === undefined) return undefined
    const certificate = parseCertificate(pem)
    if (certificate === undefined || bareSerial(certificate.serialNumber) !== bareSerial(serial_no)) return undefined
    const valid = Date.parse(certificate.validFrom) <= nowMs && nowMs < Date.parse(certificate.validTo)
    if (valid) keys.set(serialKey(serial_no), certificate.publicKey)
  }
  return keys
}

const bareSerial = (serial: string): string => serialKey(serial).replace(/^0+/, "")

const parseCertificate = (pem: string): X509Certificate | undefined => {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}
