import { createHash, randomBytes, verify as verifyBytes } from "node:crypto"
import { bytesOfBase64 } from "../../../core/channel/index.ts"
import { type NoticeFault, SIGNATURE_FAULTS } from "../simulator/faults.ts"
import { type Chance, type FaultPlan, type FaultRule, planFaults } from "../simulator/plan.ts"
import {
  type SimulatorReply,
  type SimulatorRequest,
  type SimulatorServer,
  startSimulatorServer,
  withWireFault
} from "../simulator/server.ts"
import { type BookAnswer, type BookOrder, type RefundStatus, SimulatorBook } from "./simulator-book.ts"
import { WECHATPAY_CALL_FAULTS, type WechatPayCallFault } from "./simulator-faults.ts"
import { certificateOf } from "./simulator-keys.ts"
import { pushWechatPayNotice } from "./simulator-notices.ts"
import { type SerialMode, SimulatorSigner } from "./simulator-signer.ts"
import { refusalOf } from "./simulator-wire.ts"

export interface WechatPaySimulatorOptions {
  /** Default "certificates". */
  readonly serialMode?: SerialMode
  readonly chance?: Chance<WechatPayCallFault>
  /** The OAuth origin in account(): that of a WechatOauthSimulator. */
  readonly oauthOrigin?: string
}

const APP_ID = "wx8888888888888888"

/** The signed answers of these faults. */
const WORDS = {
  refused: [403, "NO_AUTH", "商户无权限"],
  "rate-limited": [429, "FREQUENCY_LIMITED", "频率超限"],
  busy: [500, "SYSTEM_ERROR", "系统错误"]
} as const satisfies Partial<Record<WechatPayCallFault, readonly [status: number, code: string, message: string]>>

/** WeChat Pay's side of API v3 over real HTTP, as strict as the real one. For tests and demonstrations only. */
export class WechatPaySimulator {
  readonly mchid = "1900000001"
  readonly appIds: ReadonlyArray<string> = [APP_ID, "wx9999999999999999"]
  readonly appSecret = randomBytes(16).toString("hex")
  readonly apiV3Key = randomBytes(16).toString("hex")
  readonly publicKeyId = `PUB_KEY_ID_01${this.mchid}20260101000000000000001`
  readonly book: SimulatorBook
  /** Every call so far as `METHOD path`. */
  readonly calls: Array<string> = []
  /** How far WeChat Pay's clock is ahead of ours, in milliseconds. */
  aheadMs = 0
  readonly #options: WechatPaySimulatorOptions
  readonly #merchant = certificateOf("merchant")
  readonly #signer: SimulatorSigner
  readonly #faults: FaultPlan<WechatPayCallFault>
  #server: SimulatorServer | undefined

  private constructor(options: WechatPaySimulatorOptions) {
    this.#options = options
    const nowMs = () => this.#now()
    this.#faults = planFaults<WechatPayCallFault>({ calls: WECHATPAY_CALL_FAULTS }, options.chance)
    this.#signer = new SimulatorSigner(
      options.serialMode ?? "certificates",
      this.publicKeyId,
      nowMs,
      options.chance?.seed ?? 1
    )
    this.book = new SimulatorBook(this.mchid, this.appIds, nowMs)
  }

  /** Listens on a free loopback port. */
  static async start(options: WechatPaySimulatorOptions = {}): Promise<WechatPaySimulator> {
    const simulator = new WechatPaySimulator(options)
    simulator.#server = await startSimulatorServer((request) => simulator.#answer(request))
    return simulator
  }

  async stop(): Promise<void> {
    await this.#server?.stop()
  }

  get origin(): string {
    return this.#server?.origin ?? ""
  }

  /** The JSON of an account for channels/wechat-jsapi whose hosts point here. */
  account() {
    return {
      acquirer: "wechatpay",
      mchid: this.mchid,
      appId: APP_ID,
      appSecret: this.appSecret,
      privateKey: this.#merchant.privateKeyPem,
      merchantSerial: this.#merchant.serial,
      apiV3Key: this.apiV3Key,
      verification: this.#signer.verification,
      hosts: {
        pay: this.origin,
        ...(this.#options.oauthOrigin === undefined
          ? {}
          : { api: this.#options.oauthOrigin, authorize: this.#options.oauthOrigin })
      }
    }
  }

  /** The platform certificate that signs now, for accounts that pin it. */
  get platformCertificatePem(): string {
    return this.#signer.certificate.certificatePem
  }

  /** A new platform certificate signs from now on; the old one stays listed when `keepOld`. */
  rotateCertificate(keepOld = true): void {
    this.#signer.rotate(keepOld)
  }

  /** Plans a fault. Planned faults come before those drawn by chance. */
  inject(rule: FaultRule<WechatPayCallFault>): void {
    this.#faults.inject(rule)
  }

  /**
   * The payer's WeChat checks the signature of the bridge's parameters, and pays.
   * @returns the bridge's err_msg
   */
  invokeBridge(params: Readonly<Record<string, string>>, openid: string): string {
    const { appId, timeStamp, nonceStr, package: packageText, signType, paySign } = params
    const order = [...this.book.orders.values()].find(({ prepayId }) => packageText === `prepay_id=${prepayId}`)
    const message = Buffer.from(`${appId}\n${timeStamp}\n${nonceStr}\n${packageText}\n`)
    const signature = bytesOfBase64(paySign ?? "")
    const honest =
      signType === "RSA" &&
      signature !== undefined &&
      verifyBytes("sha256", message, this.#merchant.publicKeyPem, signature)
    if (!honest || order === undefined || order.appId !== appId || order.openid !== openid)
      return "get_brand_wcpay_request:fail"
    if (order.state !== "NOTPAY" || this.#now() >= order.expiresAt) return "get_brand_wcpay_request:fail"
    this.pay(order.outTradeNo)
    return "get_brand_wcpay_request:ok"
  }

  /** The payer pays. `late`: although the order is closed. `amountFen`: another amount than was asked. */
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

  /** Ends a refund, which is PROCESSING until then. */
  finishRefund(outRefundNo: string, status: Exclude<RefundStatus, "PROCESSING"> = "SUCCESS"): void {
    const refund = this.book.findRefund(outRefundNo)
    if (refund === undefined) throw new Error(`no refund ${outRefundNo}`)
    refund.status = status
    refund.at = status === "SUCCESS" ? new Date(this.#now()) : null
  }

  /** Sends an order's notice once, with the fault if there is one. @returns the receiver's answer */
  notify(outTradeNo: string, fault?: NoticeFault) {
    const order = this.#order(outTradeNo)
    return this.#push(order.notifyUrl, "TRANSACTION.SUCCESS", this.book.transaction(order), fault)
  }

  /** Sends a refund's notice once. @returns the receiver's answer */
  notifyRefund(outRefundNo: string) {
    const refund = this.book.findRefund(outRefundNo)
    if (refund === undefined) throw new Error(`no refund ${outRefundNo}`)
    return this.#push(refund.notifyUrl, `REFUND.${refund.status}`, this.book.refundNotice(refund))
  }

  /** Sends any event, sealed and signed like the real ones. @returns the receiver's answer */
  notifyWith(url: string, eventType: string, resource: unknown) {
    return this.#push(url, eventType, resource)
  }

  #push(url: string, type: string, resource: unknown, fault?: NoticeFault) {
    const by = { signer: this.#signer, apiV3Key: this.apiV3Key }
    return pushWechatPayNotice(url, { type, resource, nowMs: this.#now() }, by, fault)
  }

  #answer(request: SimulatorRequest): SimulatorReply {
    const { url, target } = request
    const body = request.body.toString("utf8")
    this.calls.push(`${request.method} ${target}`)
    const fault = this.#faults.ofCall(url.pathname, outTradeNoOf(url, body))
    if (fault === "refused" || fault === "rate-limited" || fault === "busy") {
      const [status, code, message] = WORDS[fault]
      return this.#signed(request, { status, body: { code, message } })
    }
    return withWireFault(fault, () => {
      const merchant = { ...this.#merchant, mchid: this.mchid, nowMs: this.#now() }
      const refused = refusalOf(request, body, merchant)
      if (refused !== undefined) return this.#signed(request, refused)
      if (url.pathname.startsWith("/v3/billdownload/")) {
        const file = fault === "garbage" ? "changed on the way" : this.book.bill()
        return { status: 200, headers: { "content-type": "text/plain" }, body: file }
      }
      return this.#signed(request, this.#route(request.method, url, body), fault)
    })
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
    if (path === "GET /v3/certificates") {
      const list = this.#signer.certificateList(this.apiV3Key)
      if (list !== undefined) return { status: 200, body: list }
    }
    return { status: 404, body: { code: "RESOURCE_NOT_EXISTS", message: "无此接口或无可用的平台证书" } }
  }

  #signed(request: SimulatorRequest, answer: BookAnswer, fault?: WechatPayCallFault): SimulatorReply {
    const garbage = fault === "garbage" && answer.body !== undefined
    const body = garbage ? "{" : answer.body === undefined ? "" : JSON.stringify(answer.body)
    const signatureFault = SIGNATURE_FAULTS.find((each) => each === fault)
    const headers = {
      ...(body === "" ? {} : { "content-type": "application/json; charset=utf-8" }),
      date: new Date(this.#now()).toUTCString(),
      "request-id": randomBytes(8).toString("hex").toUpperCase(),
      ...this.#signer.sign(body, request.headers["wechatpay-serial"], signatureFault)
    }
    return { status: answer.status, headers, body }
  }

  #order(outTradeNo: string): BookOrder {
    const order = this.book.orders.get(outTradeNo)
    if (order === undefined) throw new Error(`no order ${outTradeNo}`)
    return order
  }

  #now(): number {
    return Date.now() + this.aheadMs
  }
}

/** The out_trade_no of a call; "" = none. */
const outTradeNoOf = (url: URL, body: string): string =>
  /\/out-trade-no\/([^/]+)/.exec(url.pathname)?.[1] ?? /"out_trade_no":"([^"]+)"/.exec(body)?.[1] ?? ""
