/**
 * PayHub client and webhook verifier. No dependency, Node 20+. Copy this file into your project.
 * PayHub 客户端与回调验签。无依赖,复制本文件即可使用。
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"

/** Longer than the gateway takes to ask a channel. 渠道下单可能较慢。 */
const TIMEOUT_MS = 30_000

/**
 * HMAC-SHA256 over `key=value&…`: no `sign`, no null, no "", sorted by key in byte order, values raw, not URL-encoded.
 * 签名:去掉 sign、null 和空字符串,按 key 升序,原值拼接(不要 URL 编码)。
 * @param {Record<string, string | number | boolean | null | undefined>} params
 */
export const sign = (params, secret) => {
  const canonical = Object.keys(params)
    .filter((key) => key !== "sign" && params[key] !== null && params[key] !== undefined && params[key] !== "")
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((key) => `${key}=${textOf(params[key])}`)
    .join("&")
  return createHmac("sha256", secret).update(canonical, "utf8").digest("hex")
}

/**
 * The fields of a webhook's body (exactly as received) if its signature verifies, otherwise null.
 * 验签:传入收到的原始 body(不要先 JSON.parse 再 stringify),通过则返回字段,否则返回 null。
 * @param {Buffer | string} body
 */
export const verify = (body, secret) => {
  try {
    const fields = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(body)))
    if (typeof fields?.sign !== "string") return null
    const expected = Buffer.from(sign(fields, secret))
    const given = Buffer.from(fields.sign)
    // Constant time. It throws on different lengths, which reveal nothing. 常量时间比较。
    return expected.length === given.length && timingSafeEqual(expected, given) ? fields : null
  } catch {
    return null
  }
}

/** Fen as the yuan text of webhooks and queries, without floats: 1000 → "10.00". 分转元,不用浮点数。 */
export const yuan = (amountFen) => `${Math.floor(amountFen / 100)}.${String(amountFen % 100).padStart(2, "0")}`

export class PayHub {
  constructor({ url, appId, appSecret }) {
    this.url = url.replace(/\/$/, "")
    this.appId = appId
    this.appSecret = appSecret
  }

  /**
   * Places an order; `amount` is an integer of fen. Code 500 or no answer (fetch throws): nobody knows yet. Query by
   * merchant_order_no before you use a new number, or the customer may pay twice.
   * 返回 500 或超时:先用 merchant_order_no 查单,不要直接换单号重下。
   */
  qrcodePay(params) {
    return this.#post("/api/cashier/qrcode-pay", params)
  }

  /** Queries by order_no or merchant_order_no. 查单。 */
  orderQuery(params) {
    return this.#post("/api/cashier/order-query", params)
  }

  /** The answer, whatever its code: {code, message, data}. */
  async #post(path, params) {
    const timestamp = Math.floor(Date.now() / 1000)
    const all = { app_id: this.appId, timestamp, nonce: randomBytes(16).toString("hex"), ...params }
    const response = await fetch(this.url + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...all, sign: sign(all, this.appSecret) }),
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })
    return response.json().catch(() => {
      throw new Error(`${this.url} is not PayHub: HTTP ${response.status} without JSON`)
    })
  }
}

/** A value as it stands in the JSON. */
const textOf = (value) => {
  if (typeof value === "string" || typeof value === "boolean" || Number.isSafeInteger(value)) return String(value)
  throw new TypeError("PayHub parameters are strings, integers, booleans or null: send amounts as integer fen")
}
