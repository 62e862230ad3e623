import { type KeyObject, verify as verifyBytes } from "node:crypto"
import { bytesOfBase64 } from "../../../core/channel/index.ts"

/** How far WeChat Pay's timestamp may be from our clock, either way (protocols/channels.md C4). */
export const TIMESTAMP_TOLERANCE_MS = 300_000

/**
 * - `unsigned`: one of the four headers is missing. Only an error answer may be unsigned.
 * - `stale`: more than 300 s from our clock: a replay, or one of the two clocks is wrong.
 * - `unknown-serial`: signed with a key that we do not hold: a rotated certificate that is not downloaded yet, or a
 *   forgery.
 * - `other-algorithm`: Wechatpay-Signature-Type names another algorithm (SM2), which is not supported here. No forgery.
 * - `forged`: the signature does not verify, or is not spelled in standard Base64. WeChat Pay's `WECHATPAY/SIGNTEST/`
 *   probes end here, and expect a refusal.
 */
export type SignatureVerdict = "valid" | "unsigned" | "stale" | "unknown-serial" | "other-algorithm" | "forged"

/** The one algorithm that is verified; an absent Wechatpay-Signature-Type means it too (protocols/channels.md C4, I). */
const SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"

/** WeChat Pay's public keys by serial: platform certificates (hex) and public keys (`PUB_KEY_ID_…`), both at once. */
export type PlatformKeyring = ReadonlyMap<string, KeyObject>

/**
 * A serial as a key of the keyring: hex serials compare without regard to case, `PUB_KEY_ID_…` is upper case already.
 */
export const serialKey = (text: string): string => text.trim().toUpperCase()

/**
 * Judges an answer or notice by its signature headers, over the raw bytes and before they are parsed.
 * @param headers names in lower case
 * @param body the bytes received; empty for a 204, which is signed too
 */
export const verifySignature = (
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  nowMs: number,
  keyring: PlatformKeyring
): SignatureVerdict => {
  const timestamp = headers["wechatpay-timestamp"]
  const nonce = headers["wechatpay-nonce"]
  const signature = headers["wechatpay-signature"]
  const serial = headers["wechatpay-serial"]
  if (!timestamp || !nonce || !signature || !serial) return "unsigned"
  if ((headers["wechatpay-signature-type"] ?? SIGNATURE_TYPE) !== SIGNATURE_TYPE) return "other-algorithm"
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(nowMs - Number(timestamp) * 1000) > TIMESTAMP_TOLERANCE_MS) {
    return "stale"
  }
  const key = keyring.get(serialKey(serial))
  if (key === undefined) return "unknown-serial"
  const message = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from("\n")])
  const bytes = bytesOfBase64(signature)
  return bytes !== undefined && verifyBytes("sha256", message, key, bytes) ? "valid" : "forged"
}
