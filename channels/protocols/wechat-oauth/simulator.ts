import { randomBytes } from "node:crypto"
import type { CallFault } from "../simulator/faults.ts"
import { type FaultRule, planFaults } from "../simulator/plan.ts"
import { type SimulatorReply, type SimulatorServer, startSimulatorServer, withWireFault } from "../simulator/server.ts"
import { isState } from "./authorize.ts"

/** The faults of an exchange that this simulator supports. */
export const OAUTH_CALL_FAULTS = [
  "busy", // errcode -1
  "http-500",
  "cut-answer",
  "garbage",
  "missing-field" // no openid
] as const satisfies ReadonlyArray<CallFault>
type OauthCallFault = (typeof OAUTH_CALL_FAULTS)[number]

/** Lifetime of a code. */
const CODE_LIFE_MS = 300_000

interface IssuedCode {
  readonly appId: string
  readonly openid: string
  readonly miniProgram: boolean
  readonly expiresAt: number
  used: boolean
}

/**
 * WeChat's side of the login over HTTP, as strict as the real one: a code works once and for five minutes, errors have
 * status 200, JSON is sent as text/plain, the state is returned unchanged. For tests and demonstrations only.
 */
export class WechatOauthSimulator {
  /** AppSecrets by AppID. */
  readonly apps = new Map<string, string>()
  /** The path and query of each exchange so far. */
  readonly calls: Array<string> = []
  /** How far the simulator's clock is ahead of ours, in milliseconds. */
  aheadMs = 0
  readonly #codes = new Map<string, IssuedCode>()
  readonly #faults = planFaults({ calls: OAUTH_CALL_FAULTS })
  #server: SimulatorServer | undefined

  private constructor(apps: Readonly<Record<string, string>>) {
    for (const [appId, secret] of Object.entries(apps)) this.apps.set(appId, secret)
  }

  /** Listens on a free loopback port. */
  static async start(apps: Readonly<Record<string, string>>): Promise<WechatOauthSimulator> {
    const simulator = new WechatOauthSimulator(apps)
    simulator.#server = await startSimulatorServer(({ url, target }) =>
      url.pathname === "/connect/oauth2/authorize" ? simulator.#authorize(target) : simulator.#exchange(url)
    )
    return simulator
  }

  get origin(): string {
    return this.#server?.origin ?? ""
  }

  /** Plans a fault of an exchange. */
  inject(rule: FaultRule<OauthCallFault>): void {
    this.#faults.inject(rule)
  }

  /** Opens an authorize URL as the payer's WeChat does. @returns the callback @throws the error of WeChat's page */
  visit(authorizeUrl: string, openid: string): string {
    const form =
      /^https?:\/\/[^/]+\/connect\/oauth2\/authorize\?appid=([^&]+)&redirect_uri=([^&]+)&response_type=code&scope=snsapi_base&state=([^&#]*)#wechat_redirect$/
    const match = form.exec(authorizeUrl)
    if (match === null) throw new Error("10002: the parameters are not in WeChat's order, or the fragment is missing")
    const [appId, redirectUrl, state] = match.slice(1).map(decodeURIComponent) as [string, string, string]
    if (!this.apps.has(appId)) throw new Error("10012: no such AppID")
    if (!isState(state)) throw new Error("10013: the state is not [A-Za-z0-9]{1,128}")
    const callback = new URL(redirectUrl)
    callback.searchParams.append("code", this.#issue(appId, openid, false))
    callback.searchParams.append("state", state)
    return callback.href
  }

  /** The code of a mini-program's wx.login. */
  miniProgramLogin(appId: string, openid: string): string {
    return this.#issue(appId, openid, true)
  }

  async stop(): Promise<void> {
    await this.#server?.stop()
  }

  #issue(appId: string, openid: string, miniProgram: boolean): string {
    const code = randomBytes(16).toString("hex")
    const expiresAt = Date.now() + this.aheadMs + CODE_LIFE_MS
    this.#codes.set(code, { appId, openid, miniProgram, expiresAt, used: false })
    return code
  }

  /** The authorize page opened by a browser: the fragment is not sent, and every browser is the same payer. */
  #authorize(target: string): SimulatorReply {
    try {
      const location = this.visit(`${this.origin}${target}#wechat_redirect`, "oSimulatedPayer")
      return { status: 302, headers: { location } }
    } catch (error) {
      return { status: 400, body: error instanceof Error ? error.message : "refused" }
    }
  }

  #exchange(url: URL): SimulatorReply {
    this.calls.push(url.pathname + url.search)
    const fault = this.#faults.ofCall(url.pathname, "")
    return withWireFault(fault, () => {
      const answer = fault === "busy" ? { errcode: -1, errmsg: "system error" } : this.#answer(url)
      const shown = fault === "missing-field" ? { scope: "snsapi_base" } : answer
      // WeChat sends JSON as text/plain.
      const headers = { "content-type": "text/plain" }
      return { status: 200, headers, body: fault === "garbage" ? "{" : JSON.stringify(shown) }
    })
  }

  #answer(url: URL): Readonly<Record<string, unknown>> {
    const miniProgram = url.pathname === "/sns/jscode2session"
    if (!miniProgram && url.pathname !== "/sns/oauth2/access_token") return { errcode: 43001, errmsg: "no such path" }
    const appId = url.searchParams.get("appid") ?? ""
    if (!this.apps.has(appId)) return { errcode: 40013, errmsg: "invalid appid" }
    if (url.searchParams.get("secret") !== this.apps.get(appId)) return { errcode: 40125, errmsg: "invalid appsecret" }
    if (url.searchParams.get("grant_type") !== "authorization_code") return { errcode: 40002, errmsg: "grant_type" }
    const code = url.searchParams.get(miniProgram ? "js_code" : "code")
    if (!code) return { errcode: 41008, errmsg: "missing code" }
    const issued = this.#codes.get(code)
    if (issued === undefined || issued.appId !== appId || issued.miniProgram !== miniProgram) {
      return { errcode: 40029, errmsg: "invalid code" }
    }
    if (Date.now() + this.aheadMs > issued.expiresAt) return { errcode: 42003, errmsg: "code expired" }
    if (issued.used) return { errcode: 40163, errmsg: "code been used" }
    issued.used = true
    return miniProgram
      ? { openid: issued.openid, session_key: randomBytes(16).toString("base64") }
      : {
          access_token: randomBytes(32).toString("hex"),
          expires_in: 7200,
          refresh_token: randomBytes(32).toString("hex"),
          openid: issued.openid,
          scope: "snsapi_base"
        }
  }
}
