import { type KeyObject, randomBytes, sign as signBytes } from "node:crypto"

/** The merchant whose requests are sent, and the key that signs them. */
export interface MerchantSigner {
  readonly mchid: string
  /** Serial number of the merchant's API certificate, upper-case hex. */
  readonly serial: string
  readonly privateKey: KeyObject
}

/** SHA256withRSA (PKCS #1 v1.5) over the text's UTF-8 bytes, Base64. */
export const signText = (privateKey: KeyObject, text: string): string =>
  signBytes("sha256", Buffer.from(text, "utf8"), privateKey).toString("base64")

/** 32 characters of [0-9A-F]. */
export const newNonceStr = (): string => randomBytes(16).toString("hex").toUpperCase()

/**
 * The text that a request's signature covers: five lines, each ended by LF, the last one too (protocols/channels.md
 * C3).
 * @param pathAndQuery as sent, `/v3/…?mchid=…`
 * @param timestamp Unix seconds
 * @param body the bytes sent, as text; "" for GET
 */
export const requestMessage = (
  method: string,
  pathAndQuery: string,
  timestamp: number,
  nonce: string,
  body: string
): string => `${method}\n${pathAndQuery}\n${timestamp}\n${nonce}\n${body}\n`

/** The Authorization header of one request (protocols/channels.md C3). */
export const authorization = (
  signer: MerchantSigner,
  request: {
    readonly method: string
    readonly pathAndQuery: string
    readonly body: string
    /** Unix seconds; WeChat Pay refuses one that is more than five minutes off. */
    readonly timestamp: number
    readonly nonce: string
  }
): string => {
  const { method, pathAndQuery, timestamp, nonce, body } = request
  const signature = signText(signer.privateKey, requestMessage(method, pathAndQuery, timestamp, nonce, body))
  return (
    `WECHATPAY2-SHA256-RSA2048 mchid="${signer.mchid}",nonce_str="${nonce}",timestamp="${timestamp}",` +
    `serial_no="${signer.serial}",signature="${signature}"`
  )
}

/**
 * The signed parameters of WeixinJSBridge and wx.requestPayment (protocols/channels.md C6); signType itself is not
 * signed.
 * @param at Unix seconds, taken when the order is charged: it must be near the payer's clock
 */
export const bridgeParams = (
  privateKey: KeyObject,
  pay: { readonly appId: string; readonly prepayId: string; readonly at: number; readonly nonce: string }
) => {
  const packageText = `prepay_id=${pay.prepayId}`
  return {
    appId: pay.appId,
    timeStamp: String(pay.at),
    nonceStr: pay.nonce,
    package: packageText,
    signType: "RSA",
    paySign: signText(privateKey, `${pay.appId}\n${pay.at}\n${pay.nonce}\n${packageText}\n`)
  }
}
