import { createHash, randomBytes } from "node:crypto"
import type { BookAnswer, SimulatorBook } from "./simulator-book.ts"
import { type SimulatedCertificate, sealResource } from "./simulator-keys.ts"

interface Provider {
  readonly book: SimulatorBook
  readonly apiV3Key: string
  /** undefined = this merchant signs with the public key alone and has no certificates to download. */
  readonly certificates: ReadonlyArray<SimulatedCertificate> | undefined
}

/** What a verified call is answered by its method and path (protocols/channels.md C). */
export const route = (method: string, url: URL, body: string, provider: Provider): BookAnswer => {
  const { book, apiV3Key, certificates } = provider
  const path = `${method} ${url.pathname}`
  const [, outTradeNo = ""] = /^\/v3\/pay\/transactions\/out-trade-no\/([^/]+)/.exec(url.pathname) ?? []
  if (path === "POST /v3/pay/transactions/jsapi") return book.place(JSON.parse(body))
  if (outTradeNo !== "" && path.endsWith("/close")) {
    return book.close(decodeURIComponent(outTradeNo), JSON.parse(body))
  }
  if (outTradeNo !== "" && method === "GET") {
    return book.query(decodeURIComponent(outTradeNo), url.searchParams.get("mchid"))
  }
  if (path === "POST /v3/refund/domestic/refunds") return book.refund(JSON.parse(body))
  if (path.startsWith("GET /v3/refund/domestic/refunds/")) {
    const refund = book.findRefund(decodeURIComponent(url.pathname.split("/").at(-1) ?? ""))
    return refund === undefined
      ? { status: 404, body: { code: "RESOURCE_NOT_EXISTS", message: "退款单不存在" } }
      : { status: 200, body: book.refundAnswer(refund) }
  }
  if (path === "GET /v3/bill/tradebill") {
    if (!/^\d{4}-\d\d-\d\d$/.test(url.searchParams.get("bill_date") ?? "")) {
      return { status: 400, body: { code: "PARAM_ERROR", message: "bill_date" } }
    }
    const hash_value = createHash("sha1").update(book.bill()).digest("hex")
    const download_url = `${url.origin}/v3/billdownload/file?token=${randomBytes(16).toString("hex")}`
    return { status: 200, body: { hash_type: "SHA1", hash_value, download_url } }
  }
  if (path === "GET /v3/certificates" && certificates !== undefined) {
    const data = certificates.map(({ serial, certificatePem, from, to }) => ({
      serial_no: serial,
      effective_time: from.toISOString(),
      expire_time: to.toISOString(),
      encrypt_certificate: sealResource(apiV3Key, certificatePem, "certificate")
    }))
    return { status: 200, body: { data } }
  }
  return { status: 404, body: { code: "RESOURCE_NOT_EXISTS", message: "无此接口或无可用的平台证书" } }
}
