import type { KeyObject } from "node:crypto"
import { Effect } from "effect"
import { AccountInvalid } from "../../../core/channel/index.ts"
import { readPrivateKey } from "../keys/private-key.ts"
import { checkNotOwn, readPublicKey } from "../keys/public-key.ts"
import type { WechatPayAccount } from "./account-fields.ts"
import { PlatformKeys } from "./certificates.ts"
import type { MerchantSigner } from "./sign.ts"
import { serialKey } from "./verify.ts"

/** Reads the key that signs the merchant's requests. Its certificate's serial is given, or found beside the key. */
export const readMerchantKey = Effect.fnUntraced(function* (
  account: WechatPayAccount
): Effect.fn.Return<MerchantSigner, AccountInvalid> {
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
  return { mchid: account.mchid, serial, privateKey: key }
})

/**
 * Reads the keys that WeChat Pay's signatures are checked with: its public key, its certificates, or both.
 * @param own the merchant's key, which must not be among them
 */
export const readPlatformKeys = Effect.fnUntraced(function* (
  { verification }: WechatPayAccount,
  own: MerchantSigner
): Effect.fn.Return<PlatformKeys, AccountInvalid> {
  const { publicKeyId, publicKey, platformCertificates } = verification
  const refuse = (field: string, message: string) => new AccountInvalid({ field: `verification.${field}`, message })
  if ((publicKeyId === undefined) !== (publicKey === undefined)) {
    return yield* refuse("publicKey", "verification.publicKeyId and verification.publicKey belong together: give both")
  }
  const pinned = new Map<string, KeyObject>()
  if (publicKeyId !== undefined && publicKey !== undefined) {
    const { key } = yield* readPublicKey("verification.publicKey", publicKey)
    const where = "WeChat Pay's public key (微信支付公钥, pub_key.pem)"
    yield* checkNotOwn("verification.publicKey", own.privateKey, key, where)
    pinned.set(serialKey(publicKeyId), key)
  }
  for (const pem of typeof platformCertificates === "object" ? platformCertificates : []) {
    const { key, serialNumber } = yield* readPublicKey("verification.platformCertificates", pem)
    if (serialNumber === undefined) {
      return yield* refuse("platformCertificates", "verification.platformCertificates must hold certificates, not keys")
    }
    const where = "WeChat Pay's platform certificate, not apiclient_cert.pem"
    yield* checkNotOwn("verification.platformCertificates", own.privateKey, key, where)
    pinned.set(serialKey(serialNumber), key)
  }
  if (pinned.has(serialKey(own.serial))) {
    return yield* new AccountInvalid({
      field: "merchantSerial",
      message:
        "merchantSerial names WeChat Pay's key: give the serial of apiclient_cert.pem (openssl x509 -noout -serial)"
    })
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
