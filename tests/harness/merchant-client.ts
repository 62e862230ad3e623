import { createHmac, randomBytes } from "node:crypto"
import { mustHoldNoSecret } from "./no-secrets.ts"

/*
 * A merchant's program, written from the contract alone. It imports nothing of the gateway, so that a mistake in the
 * gateway's signing is not repeated here and so missed.
 */

/** A value written into the JSON as it stands, such as `json("1000.0")`. */
export class JsonText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
export const json = (text: string): JsonText => new JsonText(text)

export type Parameter = string | number | boolean | null | JsonText
/** `undefined` leaves out a common parameter that the client would otherwise add. */
export type Parameters = Readonly<Record<string, Parameter | undefined>>

/** An answer of `/api/cashier`, already checked to be the envelope. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly code: number
  readonly message: string
  readonly data: Readonly<Record<string, unknown>> | null
  readonly text: string
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Signs with this secret instead of the merchant's. */
  readonly secret?: string
  /** Sent in place of the right signature; `undefined` sends none. */
  readonly sign?: Parameter | undefined
  /** Imitates a wrong client: its result is signed in place of the canonical text. */
  readonly canonical?: (right: string, bodyText: string) => string
  readonly method?: string
}

export interface MerchantCredentials {
  readonly app_id: string
  readonly app_secret: string
}

/** Where orders send their webhooks when a test does not care. */
export const NOTIFY_URL = "https://shop.example.com/notify"

let counter = 0
/** A text that no other call returns, for order numbers and nonces (≤ 32 characters). */
export const unique = (prefix = ""): string => {
  counter += 1
  return `${prefix}${counter.toString(36)}${randomBytes(8).toString("hex")}`
}

/** Unix seconds. */
export const now = (): number => Math.floor(Date.now() / 1000)

export class MerchantClient {
  readonly appId: string
  readonly secret: string
  readonly #origin: () => string
  readonly #aheadS: () => number

  /**
   * @param origin read at every call, because a restarted gateway has another port
   * @param aheadS seconds by which the merchant's clock is ahead, read at every call
   */
  constructor(origin: () => string, { app_id, app_secret }: MerchantCredentials, aheadS = () => 0) {
    this.#origin = origin
    this.#aheadS = aheadS
    this.appId = app_id
    this.secret = app_secret
  }

  /** The same merchant with another secret. */
  withSecret(secret: string): MerchantClient {
    return new MerchantClient(this.#origin, { app_id: this.appId, app_secret: secret }, this.#aheadS)
  }

  /** The same merchant with another clock. */
  withClock(aheadS: () => number): MerchantClient {
    return new MerchantClient(this.#origin, { app_id: this.appId, app_secret: this.secret }, aheadS)
  }

  /** The JSON text of a signed request; app_id, timestamp and nonce are added unless `parameters` has them. */
  body(parameters: Parameters, options: CallOptions = {}): string {
    const all = { app_id: this.appId, timestamp: now() + this.#aheadS(), nonce: unique(), ...parameters }
    const unsigned = objectText(all)
    if ("sign" in options) return options.sign === undefined ? unsigned : objectText({ ...all, sign: options.sign })
    const right = canonicalText(unsigned)
    const text = options.canonical === undefined ? right : options.canonical(right, unsigned)
    return objectText({ ...all, sign: hmac(options.secret ?? this.secret, text) })
  }

  /** Signs the text of a JSON object as it stands and appends the signature to it. */
  signText(unsigned: string, options: CallOptions = {}): string {
    const sign = hmac(options.secret ?? this.secret, canonicalText(unsigned))
    const end = unsigned.lastIndexOf("}")
    return `${unsigned.slice(0, end)},"sign":"${sign}"${unsigned.slice(end)}`
  }

  post(path: string, parameters: Parameters, options: CallOptions = {}): Promise<Answer> {
    return this.raw(path, this.body(parameters, options), options.headers, options.method)
  }

  /** Sends any bytes. The Content-Type is JSON unless `headers` has another. */
  async raw(
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Readonly<Record<string, string>> = {},
    method = "POST"
  ): Promise<Answer> {
    const response = await fetch(this.#origin() + path, {
      method,
      headers: { "Content-Type": "application/json", ...headers },
      body,
      redirect: "manual"
    })
    const answer = await readAnswer(response)
    mustHoldNoSecret("an answer", answer.text, [this.secret])
    return answer
  }

  /** Places an order of 10.00 yuan, which is valid unless `parameters` make it invalid. */
  qrcodePay(parameters: Parameters = {}, options: CallOptions = {}): Promise<Answer> {
    return this.post(
      "/api/cashier/qrcode-pay",
      { merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL, ...parameters },
      options
    )
  }

  wechatJsPay(parameters: Parameters = {}, options: CallOptions = {}): Promise<Answer> {
    return this.post(
      "/api/cashier/wechat-js-pay",
      { merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL, ...parameters },
      options
    )
  }

  orderQuery(parameters: Parameters = {}, options: CallOptions = {}): Promise<Answer> {
    return this.post("/api/cashier/order-query", parameters, options)
  }
}

/** Reads an answer. @throws unless it is the contract's envelope: code, message, data, and an HTTP status equal to code */
export const readAnswer = async (response: Response): Promise<Answer> => {
  const text = await response.text()
  return envelope(response.status, response.headers, text)
}

/** Reads the envelope in a text. @throws with what came instead */
export const envelope = (status: number, headers: Headers, text: string): Answer => {
  const broken = (why: string) => new Error(`not the envelope (${why}): HTTP ${status} ${text.slice(0, 300)}`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw broken("not JSON")
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw broken("not an object")
  const { code, message, data } = value as Record<string, unknown>
  if (code !== status) throw broken("code is not the HTTP status")
  if (typeof message !== "string" || message === "") throw broken("no message")
  if (data === undefined || typeof data !== "object" || Array.isArray(data)) throw broken("data is no object or null")
  if (!/^application\/json\b/i.test(headers.get("content-type") ?? "")) throw broken("Content-Type is not JSON")
  return { status, headers, code, message, data: data as Answer["data"], text }
}

/** The text field `name` of `answer.data`. @throws with the whole answer where it is no text */
export const textOf = (answer: Answer, name: string): string => {
  const value = answer.data?.[name]
  if (typeof value !== "string") throw new Error(`data.${name} is no text: HTTP ${answer.status} ${answer.text}`)
  return value
}

/** 64 lowercase hex digits of HMAC-SHA256. */
export const hmac = (secret: string, text: string): string =>
  createHmac("sha256", Buffer.from(secret, "utf8")).update(Buffer.from(text, "utf8")).digest("hex")

const objectText = (parameters: Parameters): string => {
  const members: string[] = []
  for (const [key, value] of Object.entries(parameters)) {
    if (value === undefined) continue
    members.push(`${JSON.stringify(key)}:${value instanceof JsonText ? value.text : JSON.stringify(value)}`)
  }
  return `{${members.join(",")}}`
}

/** One `"key": value` of a flat object, the value as it stands in the JSON: text, number, boolean or null. */
const MEMBER = /("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|[^\s",}\]]+)/g

/** The canonical text of a flat JSON object (section 3 of the contract): what is signed. */
export const canonicalText = (bodyText: string): string =>
  pairsOf(bodyText)
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8")))
    .map(([key, text]) => `${key}=${text}`)
    .join("&")

/** The signed members in the JSON's order, without `sign`, null and empty texts. Numbers keep their text. */
export const pairsOf = (bodyText: string): Array<[key: string, text: string]> => {
  const pairs: Array<[string, string]> = []
  for (const [, keyText, valueText] of bodyText.matchAll(MEMBER)) {
    if (keyText === undefined || valueText === undefined) continue
    const key = JSON.parse(keyText) as string
    const text = valueText.startsWith('"') ? (JSON.parse(valueText) as string) : valueText
    if (key === "sign" || text === "" || valueText === "null") continue
    pairs.push([key, text])
  }
  return pairs
}

/** Whether a flat JSON text (a webhook's body) carries the right signature. */
export const isSignedWith = (secret: string, bodyText: string): boolean => {
  const { sign } = JSON.parse(bodyText) as { sign?: unknown }
  return sign === hmac(secret, canonicalText(bodyText))
}
