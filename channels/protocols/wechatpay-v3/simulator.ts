import { createHash, randomBytes, verify as verifyBytes } from "node:crypto"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { type BookAnswer, type BookOrder, type RefundStatus, SimulatorBook } from "./simulator-book.ts"
import { newCertificate, type SimulatedCertificate, sealResource } from "./simulator-keys.ts"
import { refusalOf, type SignatureFault, seeded, signWithFault } from "./simulator-wire.ts"

/** What happens to a call instead of a plain answer. Names ending in -request: it does nothing; else it was done. */
export const CALL_FAULTS = [
  "lost-request",
  "lost-answer",
  "system-error-request",
  "unsigned-500",
  "forged-answer",
  "stale-answer",
  "unsigned-answer",
  "probe-answer",
  "unknown-serial-answer",
  "garbage-answer",
  "frequency-limited-request"
] as const
export type CallFault = (typeof CALL_FAULTS)[number]

const SIGNATURE_FAULTS = {
  "forged-answer": "forged",
  "stale-answer": "stale",
  "unsigned-answer": "unsigned",
  "probe-answer": "probe",
  "unknown-serial-answer": "unknown-serial"
} as const satisfies Partial<Record<CallFault, SignatureFault>>

/** What is wrong with a notice: its signature, its bytes changed on the way, or sealed with another APIv3 key. */
export type NoticeFault = SignatureFault | "tampered" | "other-key"

export interface SimulatorOptions {
  /** What WeChat Pay signs with. "both": the public key for those who ask for it, certificates for the others. */
  readonly serialMode?: "certificates" | "public-key" | "both"
  /** Of all calls, how many meet a random fault: 0 … 1. The seed makes a run repeatable. */
  readonly faults?: { readonly probability: number; readonly seed: number }
  /** Where account() sends the OAuth calls: WechatOauthSimulator's origin. */
  readonly oauthOrigin?: string
}

const APP_ID = "wx8888888888888888"
const YEAR_MS = 365 * 86_400_000

/** WeChat Pay's side of API v3 over real HTTP, as strict as it is. For tests and demonstrations only. */
export class WechatPaySimulator {
  readonly mchid = "1900000001"
  readonly appIds: ReadonlyArray<string> = [APP_ID, "wx9999999999999999"]
  readonly appSecret = randomBytes(16).toString("hex")
  readonly apiV3Key = randomBytes(16).toString("hex")
  readonly publicKeyId = `PUB_KEY_ID_01${this.mchid}20260101000000000000001`
  readonly book: SimulatorBook
  /** Faults of the next calls, oldest first; they come before the random ones. */
  readonly nextFaults: Array<CallFault | "none"> = []
  /** Every call as `METHOD path`, for tests that count. */
  readonly calls: Array<string> = []
  /** Milliseconds that WeChat Pay's clock is ahead of ours. */
  aheadMs = 0
  readonly #options: SimulatorOptions
  readonly #server: Server
  readonly #merchant: SimulatedCertificate
  readonly #publicKey: SimulatedCertificate
  readonly #stranger: SimulatedCertificate
  #certificates: ReadonlyArray<SimulatedCertificate>
  #random: () => number

  private constructor(server: Server, options: SimulatorOptions) {
    this.#server = server
    this.#options = options
    this.#random = seeded(options.faults?.seed ?? 1)
    this.#merchant = certificateOf("merchant")
    this.#publicKey = certificateOf("public key")
    this.#stranger = certificateOf("stranger")
    this.#certificates = [certificateOf("platform")]
    this.book = new SimulatorBook(this.mchid, this.appIds, () => this.#now())
  }

  /** Listens on a free loopback port. */
  static async start(options: SimulatorOptions = {}): Promise<WechatPaySimulator> {
    const server = createServer()
    const simulator = new WechatPaySimulator(server, options)
    server.on("request", (request, response) => {
      simulator.#serve(request, response).catch(() => response.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return simulator
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The account's JSON for channels/wechat-jsapi, all hosts pointing here. */
  account() {
    const mode = this.#options.serialMode ?? "certificates"
    return {
      acquirer: "wechatpay",
      mchid: this.mchid,
      appId: APP_ID,
      appSecret: this.appSecret,
      privateKey: this.#merchant.privateKeyPem,
      merchantSerial: this.#merchant.serial,
      apiV3Key: this.apiV3Key,
      verification: this.#verification(mode),
      hosts: {
        pay: this.origin,
        ...(this.#options.oauthOrigin === undefined
          ? {}
          : { api: this.#options.oauthOrigin, authorize: this.#options.oauthOrigin })
      }
    }
  }

  #verification(mode: SimulatorOptions["serialMode"]): {
    readonly publicKeyId?: string
    readonly publicKey?: string
    readonly platformCertificates?: "download"
  } {
    return {
      ...(mode === "certificates" ? {} : { publicKeyId: this.publicKeyId, publicKey: this.#publicKey.publicKeyPem }),
      ...(mode === "public-key" ? {} : { platformCertificates: "download" })
    }
  }

  /** The platform certificate that signs now, for accounts that pin it. */
  get platformCertificatePem(): string {
    return this.#signingCertificate().certificatePem
  }

  /** A new platform certificate signs from now on; the old one stays listed when `keepOld`. */
  rotateCertificate(keepOld = true): void {
    const fresh = makeCertificate("platform")
    this.#certificates = keepOld ? [...this.#certificates, fresh] : [fresh]
  }

  /**
   * The payer's WeChat gets the bridge's parameters: it checks their signature and pays.
   * @returns the bridge's err_msg
   */
  invokeBridge(params: Readonly<Record<string, string>>, openid: string): string {
    const { appId, timeStamp, nonceStr, package: packageText, signType, paySign } = params
    const order = [...this.book.orders.values()].find(({ prepayId }) => packageText === `prepay_id=${prepayId}`)
    const message = Buffer.from(`${appId}\n${timeStamp}\n${nonceStr}\n${packageText}\n`)
    const signature = Buffer.from(paySign ?? "", "base64")
    const honest = signType === "RSA" && verifyBytes("sha256", message, this.#merchant.publicKeyPem, signature)
    if (!honest || order === undefined || order.appId !== appId || order.openid !== openid)
      return "get_brand_wcpay_request:fail"
    if (order.state !== "NOTPAY" || this.#now() >= order.expiresAt) return "get_brand_wcpay_request:fail"
    this.pay(order.outTradeNo)
    return "get_brand_wcpay_request:ok"
  }

  /** The payer pays. `late`: although the order is closed. `amountFen`: something else than was asked. */
  pay(outTradeNo: string, how: { readonly amountFen?: number; readonly late?: boolean } = {}): BookOrder {
    const order = this.#order(outTradeNo)
    if (order.paidAt !== null) throw new Error(`${outTradeNo} is paid`)
    if (order.state === "CLOSED" && how.late !== true) throw new Error(`${outTradeNo} is closed`)
    order.state = "SUCCESS"
    order.paidFen = how.amountFen ?? order.totalFen
    order.transactionId = `42000${createHash("sha1").update(outTradeNo).digest("hex").slice(0, 23)}`
    order.paidAt = new Date(this.#now())
    return order
  }

  /** Settles a refund; it was PROCESSING until now. */
  finishRefund(outRefundNo: string, status: Exclude<RefundStatus, "PROCESSING"> = "SUCCESS"): void {
    const refund = this.book.findRefund(outRefundNo)
    if (refund === undefined) throw new Error(`no refund ${outRefundNo}`)
    refund.status = status
    refund.at = status === "SUCCESS" ? new Date(this.#now()) : null
  }

  /** Sends a paid order's notice once, or one with a fault. @returns how the receiver answered */
  notify(outTradeNo: string, fault?: NoticeFault) {
    const order = this.#order(outTradeNo)
    return this.#push(order.notifyUrl, "TRANSACTION.SUCCESS", this.book.transaction(order), fault)
  }

  /** Sends a refund's notice once. */
  notifyRefund(outRefundNo: string) {
    const refund = this.book.findRefund(outRefundNo)
    if (refund === undefined) throw new Error(`no refund ${outRefundNo}`)
    return this.#push(refund.notifyUrl, `REFUND.${refund.status}`, this.book.refundNotice(refund))
  }

  /** Any event, signed and sealed as the real ones: for the notices that nobody planned for. */
  notifyWith(url: string, eventType: string, resource: unknown) {
    return this.#push(url, eventType, resource)
  }

  async #push(url: string, eventType: string, resource: unknown, fault?: NoticeFault) {
    const sealed = sealResource(
      fault === "other-key" ? "0".repeat(32) : this.apiV3Key,
      JSON.stringify(resource),
      "transaction"
    )
    const event = {
      id: `EV-${randomBytes(8).toString("hex")}`,
      create_time: new Date(this.#now()).toISOString(),
      event_type: eventType,
      resource_type: "encrypt-resource",
      summary: "支付成功",
      resource: { original_type: "transaction", ...sealed }
    }
    let body = JSON.stringify(event)
    const signatureFault = fault === "tampered" || fault === "other-key" ? undefined : fault
    const headers = this.#signed(body, undefined, signatureFault)
    if (fault === "tampered") body = body.replace('"支付成功"', '"退款成功"')
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body
    })
    return { status: answer.status, body: await answer.text() }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString("utf8")
    const target = request.url ?? "/"
    this.calls.push(`${request.method} ${target}`)
    // One connection per call: a destroyed one then loses exactly the call that it carries.
    response.setHeader("connection", "close")
    const fault = this.#nextFault()
    if (fault === "lost-request") return void response.destroy()
    if (fault === "system-error-request") {
      return this.#answer(request, response, { status: 500, body: { code: "SYSTEM_ERROR", message: "系统错误" } })
    }
    if (fault === "frequency-limited-request") {
      return this.#answer(request, response, { status: 429, body: { code: "FREQUENCY_LIMITED", message: "频率超限" } })
    }
    const refused = refusalOf(request, body, {
      mchid: this.mchid,
      serial: this.#merchant.serial,
      publicKeyPem: this.#merchant.publicKeyPem,
      nowMs: this.#now()
    })
    if (refused !== undefined) return this.#answer(request, response, refused)
    if (target.startsWith("/v3/billdownload/")) {
      response.writeHead(200, { "content-type": "text/plain" })
      return void response.end(fault === "garbage-answer" ? "changed on the way" : this.book.bill())
    }
    const answer = this.#route(request.method ?? "", new URL(target, this.origin), body)
    if (fault === "lost-answer") return void response.destroy()
    if (fault === "unsigned-500") return void response.writeHead(502).end("<html>502 Bad Gateway</html>")
    this.#answer(request, response, answer, fault)
  }

  #route(method: string, url: URL, body: string): BookAnswer {
    const path = `${method} ${url.pathname}`
    const [, outTradeNo = ""] = /^\/v3\/pay\/transactions\/out-trade-no\/([^/]+)/.exec(url.pathname) ?? []
    if (path === "POST /v3/pay/transactions/jsapi") return this.book.place(JSON.parse(body))
    if (outTradeNo !== "" && path.endsWith("/close")) {
      return this.book.close(decodeURIComponent(outTradeNo), JSON.parse(body))
    }
    if (outTradeNo !== "" && method === "GET") {
      return this.book.query(decodeURIComponent(outTradeNo), url.searchParams.get("mchid"))
    }
    if (path === "POST /v3/refund/domestic/refunds") return this.book.refund(JSON.parse(body))
    if (path.startsWith("GET /v3/refund/domestic/refunds/")) {
      const refund = this.book.findRefund(decodeURIComponent(url.pathname.split("/").at(-1) ?? ""))
      return refund === undefined
        ? { status: 404, body: { code: "RESOURCE_NOT_EXISTS", message: "退款单不存在" } }
        : { status: 200, body: this.book.refundAnswer(refund) }
    }
    if (path === "GET /v3/bill/tradebill") {
      if (!/^\d{4}-\d\d-\d\d$/.test(url.searchParams.get("bill_date") ?? "")) {
        return { status: 400, body: { code: "PARAM_ERROR", message: "bill_date" } }
      }
      const hash_value = createHash("sha1").update(this.book.bill()).digest("hex")
      const download_url = `${this.origin}/v3/billdownload/file?token=${randomBytes(16).toString("hex")}`
      return { status: 200, body: { hash_type: "SHA1", hash_value, download_url } }
    }
    if (path === "GET /v3/certificates" && this.#options.serialMode !== "public-key") {
      const data = this.#certificates.map(({ serial, certificatePem, from, to }) => ({
        serial_no: serial,
        effective_time: from.toISOString(),
        expire_time: to.toISOString(),
        encrypt_certificate: sealResource(this.apiV3Key, certificatePem, "certificate")
      }))
      return { status: 200, body: { data } }
    }
    return { status: 404, body: { code: "RESOURCE_NOT_EXISTS", message: "无此接口或无可用的平台证书" } }
  }

  #answer(request: IncomingMessage, response: ServerResponse, answer: BookAnswer, fault?: CallFault | "none"): void {
    const garbage = fault === "garbage-answer" && answer.body !== undefined
    const body = garbage ? "{" : answer.body === undefined ? "" : JSON.stringify(answer.body)
    const signatureFault = SIGNATURE_FAULTS[fault as keyof typeof SIGNATURE_FAULTS]
    const headers = this.#signed(body, request.headers["wechatpay-serial"]?.toString(), signatureFault)
    response.writeHead(answer.status, {
      ...(body === "" ? {} : { "content-type": "application/json; charset=utf-8" }),
      "request-id": randomBytes(8).toString("hex").toUpperCase(),
      ...headers
    })
    response.end(body)
  }

  #signed(body: string, askedSerial: string | undefined, fault: SignatureFault | undefined): Record<string, string> {
    const mode = this.#options.serialMode ?? "certificates"
    // In both modes at once, notices come with either, and answers as the request asks.
    const publicKey =
      mode === "public-key" || (mode === "both" && (askedSerial?.startsWith("PUB_KEY_ID_") ?? this.#random() < 0.5))
    const certificate = this.#signingCertificate()
    const signer = publicKey ? { ...this.#publicKey, serial: this.publicKeyId } : certificate
    return signWithFault(body, { signer, stranger: this.#stranger, nowMs: this.#now(), fault })
  }

  #nextFault(): CallFault | "none" {
    const planned = this.nextFaults.shift()
    if (planned !== undefined) return planned
    const { probability } = this.#options.faults ?? { probability: 0 }
    if (this.#random() >= probability) return "none"
    return CALL_FAULTS[Math.floor(this.#random() * CALL_FAULTS.length)] ?? "none"
  }

  #order(outTradeNo: string): BookOrder {
    const order = this.book.orders.get(outTradeNo)
    if (order === undefined) throw new Error(`no order ${outTradeNo}`)
    return order
  }

  #signingCertificate(): SimulatedCertificate {
    return this.#certificates.at(-1) as SimulatedCertificate
  }

  #now(): number {
    return Date.now() + this.aheadMs
  }
}

const makeCertificate = (name: string): SimulatedCertificate =>
  newCertificate(name, new Date(Date.now() - YEAR_MS), new Date(Date.now() + 5 * YEAR_MS))

// Made once in a process: a hundred simulators in a test run need not make four hundred RSA keys.
const made = new Map<string, SimulatedCertificate>()
const certificateOf = (name: string): SimulatedCertificate => {
  const certificate = made.get(name) ?? makeCertificate(name)
  made.set(name, certificate)
  return certificate
}
