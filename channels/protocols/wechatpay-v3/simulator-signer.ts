import type { SignatureFault } from "../simulator/faults.ts"
import { seeded } from "../simulator/plan.ts"
import { certificateOf, newCertificate, type SimulatedCertificate, sealResource, YEAR_MS } from "./simulator-keys.ts"
import { signWithFault } from "./simulator-wire.ts"

/** The keys that WeChat Pay signs with. "both": the public key for callers that ask for it, certificates for others. */
export type SerialMode = "certificates" | "public-key" | "both"

/** WeChat Pay's keys: the choice of the one that signs, and what a merchant is told of them. */
export class SimulatorSigner {
  readonly #mode: SerialMode
  readonly #publicKeyId: string
  readonly #nowMs: () => number
  readonly #random: () => number
  readonly #publicKey = certificateOf("public key")
  readonly #stranger = certificateOf("stranger")
  #certificates: ReadonlyArray<SimulatedCertificate> = [certificateOf("platform")]

  /** @param seed makes the choice of the key for notices repeatable in the mode "both" */
  constructor(mode: SerialMode, publicKeyId: string, nowMs: () => number, seed: number) {
    this.#mode = mode
    this.#publicKeyId = publicKeyId
    this.#nowMs = nowMs
    this.#random = seeded(seed)
  }

  /** The account's `verification` for this mode. */
  get verification(): {
    readonly publicKeyId?: string
    readonly publicKey?: string
    readonly platformCertificates?: "download"
  } {
    return {
      ...(this.#mode === "certificates"
        ? {}
        : { publicKeyId: this.#publicKeyId, publicKey: this.#publicKey.publicKeyPem }),
      ...(this.#mode === "public-key" ? {} : { platformCertificates: "download" })
    }
  }

  /** The platform certificate that signs now. */
  get certificate(): SimulatedCertificate {
    return this.#certificates.at(-1) as SimulatedCertificate
  }

  /** A new platform certificate signs from now on; the old one stays listed when `keepOld`. */
  rotate(keepOld: boolean): void {
    const fresh = newCertificate("platform", new Date(Date.now() - YEAR_MS), new Date(Date.now() + 5 * YEAR_MS))
    this.#certificates = keepOld ? [...this.#certificates, fresh] : [fresh]
  }

  /** The body of GET /v3/certificates; undefined where the merchant has only the public key. */
  certificateList(apiV3Key: string) {
    if (this.#mode === "public-key") return undefined
    const data = this.#certificates.map(({ serial, certificatePem, from, to }) => ({
      serial_no: serial,
      effective_time: from.toISOString(),
      expire_time: to.toISOString(),
      encrypt_certificate: sealResource(apiV3Key, certificatePem, "certificate")
    }))
    return { data }
  }

  /**
   * The signature headers of a body.
   * @param askedSerial the request's `Wechatpay-Serial`; a notice has none, and in the mode "both" either key signs it
   */
  sign(body: string, askedSerial: string | undefined, fault: SignatureFault | undefined): Record<string, string> {
    const publicKey =
      this.#mode === "public-key" ||
      (this.#mode === "both" && (askedSerial?.startsWith("PUB_KEY_ID_") ?? this.#random() < 0.5))
    const signer = publicKey ? { ...this.#publicKey, serial: this.#publicKeyId } : this.certificate
    return signWithFault(body, { signer, stranger: this.#stranger, nowMs: this.#nowMs(), fault })
  }
}
