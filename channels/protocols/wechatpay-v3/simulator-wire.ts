import { verify as verifyBytes } from "node:crypto"
import { bytesOfBase64 } from "../../../core/channel/index.ts"
import type { SignatureFault } from "../simulator/faults.ts"
import type { SimulatorRequest } from "../simulator/server.ts"
import { newNonceStr, requestMessage, signText } from "./sign.ts"
import type { BookAnswer } from "./simulator-book.ts"
import type { SimulatedCertificate } from "./simulator-keys.ts"

/** The refusal of a request that breaks the rules of every call (protocols/channels.md C3); undefined = none. */
export const refusalOf = (
  request: SimulatorRequest,
  body: string,
  merchant: {
    readonly mchid: string
    readonly serial: string
    readonly publicKeyPem: string
    readonly nowMs: number
  }
): BookAnswer | undefined => {
  const { headers, method, target } = request
  const refuse = (status: number, code: string, message: string) => ({ status, body: { code, message } })
  if (!headers["user-agent"] || !/application\/json|\*\/\*/.test(headers.accept ?? "")) {
    return refuse(400, "PARAM_ERROR", "Http头缺少Accept或User-Agent")
  }
  if (method === "POST" && !/^application\/json\b/.test(headers["content-type"] ?? "")) {
    return refuse(415, "PARAM_ERROR", "Content-Type")
  }
  // The fields may come in any order: WeChat Pay accepts what each client sends.
  const [scheme, list = ""] = (headers.authorization ?? "").split(/ (.*)/s)
  const fields = new Map([...list.matchAll(/(\w+)="([^"]+)"/g)].map(([, name, value]) => [name, value ?? ""]))
  const names = ["mchid", "nonce_str", "timestamp", "serial_no", "signature"]
  if (
    scheme !== "WECHATPAY2-SHA256-RSA2048" ||
    fields.size !== names.length ||
    !names.every((name) => fields.has(name))
  ) {
    return refuse(401, "SIGN_ERROR", "Http头Authorization值格式错误")
  }
  const [mchid, nonce, timestamp, serial, signature] = names.map((name) => fields.get(name)) as [
    string,
    string,
    string,
    string,
    string
  ]
  if (mchid !== merchant.mchid || serial !== merchant.serial) return refuse(401, "SIGN_ERROR", "商户证书序列号有误")
  if (Math.abs(merchant.nowMs / 1000 - Number(timestamp)) > 300) return refuse(401, "SIGN_ERROR", "时间戳已过期")
  const message = Buffer.from(requestMessage(method, target, Number(timestamp), nonce, body))
  const bytes = bytesOfBase64(signature)
  return bytes !== undefined && verifyBytes("sha256", message, merchant.publicKeyPem, bytes)
    ? undefined
    : refuse(401, "SIGN_ERROR", "签名错误")
}

/** The signature headers of an answer or a notice, with the fault if there is one (protocols/channels.md C4). */
export const signWithFault = (
  body: string,
  by: {
    readonly signer: SimulatedCertificate
    readonly stranger: SimulatedCertificate
    readonly nowMs: number
    readonly fault: SignatureFault | undefined
  }
): Record<string, string> => {
  const { signer, stranger, fault } = by
  if (fault === "unsigned") return {}
  const { privateKey } = fault === "wrong-signature" || fault === "unknown-serial" ? stranger : signer
  const timestamp = Math.floor(by.nowMs / 1000) - (fault === "stale" ? 600 : 0)
  const nonce = newNonceStr()
  const signature = signText(privateKey, `${timestamp}\n${nonce}\n${body}\n`)
  return {
    "wechatpay-timestamp": String(timestamp),
    "wechatpay-nonce": nonce,
    "wechatpay-signature": fault === "probe" ? `WECHATPAY/SIGNTEST/${signature.slice(19)}` : signature,
    "wechatpay-serial": fault === "unknown-serial" ? stranger.serial : signer.serial,
    "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048"
  }
}
