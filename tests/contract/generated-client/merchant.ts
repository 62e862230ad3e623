import * as payhub from "#payhub-client"

/*
 * A merchant's program on a client generated from `/swagger/json`. ../generated-client.test.ts generates the client, puts
 * this file beside it, type-checks both and runs them against the gateway. The repository's type check skips this folder.
 */

export interface Credentials {
  readonly app_id: string
  readonly app_secret: string
}

type Common = Pick<payhub.QrcodePayRequest, "app_id" | "timestamp" | "nonce" | "sign">

/** A request without the common parameters, which signing adds. */
export type Unsigned<Request extends Common> = Omit<Request, keyof Common>

const signed = async <Fields extends object>(
  { app_id, app_secret }: Credentials,
  fields: Fields
): Promise<Fields & Common> => {
  const all = { ...fields, app_id, timestamp: Math.floor(Date.now() / 1000), nonce: crypto.randomUUID().slice(0, 32) }
  return { ...all, sign: await signature(app_secret, all) }
}

const signature = async (secret: string, fields: object): Promise<string> => {
  const canonical = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${String(value)}`)
    .join("&")
  const bytes = (text: string) => new TextEncoder().encode(text)
  const key = await crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
  const digest = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(canonical)))
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** The outcome of placing an order: what to show the payer, or what the shop does next. */
export type Placed =
  | { readonly kind: "show"; readonly orderNo: string; readonly url: string; readonly fen: number }
  | { readonly kind: "correct"; readonly fields: Readonly<Record<string, ReadonlyArray<string>>> }
  | { readonly kind: "use a new number"; readonly refusedOrderNo: string }
  | { readonly kind: "query before anything else"; readonly orderNo: string | undefined; readonly requestId: string }
  | { readonly kind: "not placed"; readonly code: number; readonly message: string }

/** The failures of both creating endpoints, which have the same types. */
type NotPlaced = Exclude<Awaited<ReturnType<typeof payhub.qrcodePay>>, { status: 200 }>

const notPlaced = ({ data: failure }: NotPlaced): Placed => {
  switch (failure.code) {
    case 422:
      return { kind: "correct", fields: failure.data.errors }
    case 500:
      return {
        kind: "query before anything else",
        orderNo: failure.data.order_no,
        requestId: failure.data.request_id
      }
    case 400:
      if (failure.data !== null) return { kind: "use a new number", refusedOrderNo: failure.data.order_no }
  }
  return { kind: "not placed", code: failure.code, message: failure.message }
}

export const orderByQrCode = async (shop: Credentials, fields: Unsigned<payhub.QrcodePayRequest>): Promise<Placed> => {
  const answer = await payhub.qrcodePay(await signed(shop, fields))
  if (answer.status !== 200) return notPlaced(answer)
  const { order_no, sourceQrCodeUrl, amount } = answer.data.data
  return { kind: "show", orderNo: order_no, url: sourceQrCodeUrl, fen: amount }
}

export const orderInWeChat = async (
  shop: Credentials,
  fields: Unsigned<payhub.WechatJsPayRequest>
): Promise<Placed & { readonly start?: payhub.JsapiPayParams }> => {
  const answer = await payhub.wechatJsPay(await signed(shop, fields))
  if (answer.status !== 200) return notPlaced(answer)
  const { order_no, pay_url, amount, jsapi_pay_info } = answer.data.data
  // This endpoint answers in yuan.
  const placed: Placed = { kind: "show", orderNo: order_no, url: pay_url, fen: Math.round(amount * 100) }
  return jsapi_pay_info === undefined ? placed : { ...placed, start: jsapi_pay_info }
}

/** The order, or undefined where it does not exist. */
export const findOrder = async (
  shop: Credentials,
  fields: Unsigned<payhub.OrderQueryRequest>
): Promise<payhub.OrderQueryData | undefined> => {
  const answer = await payhub.orderQuery(await signed(shop, fields))
  if (answer.status === 404) return undefined
  if (answer.status !== 200) throw new Error(answer.data.message)
  return answer.data.data
}

/** The channel codes that a test merchant may use, with the names that payers read. */
export const channelNames = async (): Promise<ReadonlyMap<payhub.Channel["code"], string>> => {
  const answer = await payhub.channels({ headers: { "Accept-Language": "en" } })
  if (answer.status !== 200) throw new Error(answer.data.message)
  return new Map(answer.data.data.channels.filter(({ test }) => test).map(({ code, name }) => [code, name]))
}

/** Handles a webhook and returns the answer. @param paid is called for each genuine webhook */
export const onWebhook = async (
  { app_secret }: Credentials,
  body: payhub.PaymentWebhook,
  paid: (merchantOrderNo: string, receivedYuan: string) => void
): Promise<"success" | "forged"> => {
  const { sign, ...fields } = body
  if (sign !== (await signature(app_secret, fields))) return "forged"
  paid(body.merchant_order_no, body.actual_amount)
  return "success"
}
