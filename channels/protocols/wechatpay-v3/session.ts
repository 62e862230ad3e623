import type { KeyObject } from "node:crypto"
import { Effect, Redacted } from "effect"
import { AccountInvalid } from "../../../core/channel/index.ts"
import { readPrivateKey, readPublicKey } from "../keys/index.ts"
import type { WechatPayAccount } from "./account-fields.ts"
import { PlatformKeys } from "./certificates.ts"
import { type Client, makeClient } from "./client.ts"
import { API_V3_KEY_BYTES } from "./resource.ts"
import type { MerchantSigner } from "./sign.ts"
import { comparableSerial } from "./verify.ts"

/** An account with its keys parsed: all that a call and a notice need. */
export interface WechatPaySession {
  readonly mchid: string
  readonly signer: MerchantSigner
  readonly client: Client
  readonly keys: PlatformKeys
  readonly apiV3Key: Redacted.Redacted<string>
}

const PAY_ORIGIN = "https://api.mch.weixin.qq.com"

/** Where an account's calls go: an origin without a trailing slash. */
export const payOrigin = (account: WechatPayAccount): string => account.hosts?.pay ?? PAY_ORIGIN

/** Parses an account's keys. AccountInvalid names the field that cannot be used. */
export const openSession = Effect.fnUntraced(function* (
  account: WechatPayAccount
): Effect.fn.Return<WechatPaySession, AccountInvalid> {
  const { mchid, apiV3Key } = account
  const { privateKey, serial } = yield* readMerchantKey(account)
  if (Buffer.byteLength(Redacted.value(apiV3Key)) !== API_V3_KEY_BYTES) {
    return yield* new AccountInvalid({ field: "apiV3Key", message: "apiV3Key must be the 32 characters that were set" })
  }
  const keys = yield* readPlatformKeys(account)
  const signer = { mchid, serial, privateKey }
  const client = makeClient({
    signer,
    apiV3Key,
    origin: payOrigin(account),
    keys,
    publicKeyId: account.verification.publicKeyId
  })
  return { mchid, signer, client, keys, apiV3Key }
})

const readMerchantKey = Effect.fnUntraced(function* (account: WechatPayAccount) {
  const { key, serialNumber } = yield* readPrivateKey("privateKey", account.privateKey, { password: account.password })
  const given = account.merchantSerial?.toUpperCase()
  if (given !== undefined && serialNumber !== undefined && given !== serialNumber) {
    return yield* new AccountInvalid({
      field: "merchantSerial",
      message: `merchantSerial is ${given}, but the certificate beside privateKey is ${serialNumber}`
    })
  }
  const serial = given ?? serialNumber
  if (serial === undefined) {
    return yield* new AccountInvalid({
      field: "merchantSerial",
      message: "merchantSerial is missing: openssl x509 -in apiclient_cert.pem -noout -serial prints it"
    })
  }
  return { privateKey: key, serial }
})

const readPlatformKeys = Effect.fnUntraced(function* ({ verification }: WechatPayAccount) {
  const { publicKeyId, publicKey, platformCertificates } = verification
  const refuse = (field: string, message: string) => new AccountInvalid({ field: `verification.${field}`, message })
  if ((publicKeyId === undefined) !== (publicKey === undefined)) {
    return yield* refuse("publicKey", "verification.publicKeyId and verification.publicKey belong together: give both")
  }
  const pinned = new Map<string, KeyObject>()
  if (publicKeyId !== undefined && publicKey !== undefined) {
    pinned.set(comparableSerial(publicKeyId), (yield* readPublicKey("verification.publicKey", publicKey)).key)
  }
  for (const pem of typeof platformCertificates === "object" ? platformCertificates : []) {
    const { key, serialNumber } = yield* readPublicKey("verification.platformCertificates", pem)
    if (serialNumber === undefined) {
      return yield* refuse("platformCertificates", "verification.platformCertificates must hold certificates, not keys")
    }
    pinned.set(comparableSerial(serialNumber), key)
  }
  const downloads = platformCertificates === "download"
  if (pinned.size === 0 && !downloads) {
    return yield* refuse(
      "publicKey",
      'verification needs publicKeyId and publicKey, or platformCertificates: "download" for older merchants'
    )
  }
  return new PlatformKeys(pinned, downloads)
})
