import { Clock, Effect, Redacted } from "effect"
import { AppIdMissing, type CashierError, MerchantUnknown } from "../../domain/errors.ts"
import { type Bilingual, fill, type Language } from "../../domain/language.ts"
import { liveSecrets } from "../../domain/merchant.ts"
import { MerchantDirectory } from "../../pipeline/auth/merchant-directory.ts"
import { namingTheWait, Throttle } from "../../pipeline/throttle/throttle.ts"
import type { BodyCall, BodyHandler, Handler, Route, Run } from "../call.ts"
import { envelope, frameworkError } from "../envelope.ts"
import { parseFlatJson } from "../flat-json.ts"
import { OK } from "../merchant/success-messages.ts"
import { readJson } from "../read-json.ts"
import { respond } from "../respond.ts"
import { pageResponse } from "../web/document.ts"
import { pageLanguage } from "../web/language.ts"
import { FINDING_TEXTS } from "./finding-texts.ts"
import { renderSignPage } from "./page.ts"
import { checkSign } from "./sign-check.ts"
import type { Finding } from "./sign-findings.ts"
import { SIGN_TOOL_PATH } from "./sign-tool-path.ts"

/** The signature debugger: a page and the endpoint that it calls. For test-mode merchants only. */
export const toolsRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "GET", path: SIGN_TOOL_PATH, handle: page },
  { method: "POST", path: "/api/tools/sign-check", body: "json", handle: signCheck(run) }
]

/** Calls per address: enough to correct one's code, too few for automated guessing. */
const RULE = { count: 20, windowMs: 60_000 }

const page: Handler = async (call) => pageResponse(200, renderSignPage(pageLanguage(call)))

/** Refusals that only this tool makes. */
const TEST_MODE_ONLY = { code: 400, message: { zh: "仅支持测试模式商户", en: "Test-mode merchants only" } }
const NOT_JSON: Bilingual = {
  zh: "粘贴的请求不是 JSON，请原样粘贴您的代码发送的请求体",
  en: "The request is not JSON: paste the body that your code sent, as it is"
}
const NOT_FLAT: Bilingual = {
  zh: "粘贴的请求必须是一个扁平的 JSON 对象，没有嵌套值，也没有重复的键",
  en: "The request must be one flat JSON object, without nested values and duplicate keys"
}

/** A live merchant's app_id by its shape; all of them get the same answer, whether they exist or not. */
const LIVE_APP_ID = /^pk_live_/
const TEST_APP_ID = /^pk_test_[0-9A-Za-z]{8,64}$/

const signCheck =
  (run: Run): BodyHandler =>
  (call) =>
    respond(run, call, diagnose(call), (response) => response)

const diagnose = Effect.fnUntraced(function* (call: BodyCall) {
  const throttle = yield* Throttle
  const directory = yield* MerchantDirectory
  // The window is long, so the message names the time to wait instead.
  yield* throttle.takeStranger("sign-check", call.clientIp, RULE).pipe(namingTheWait)
  const asked = readJson(call)
  if (asked instanceof Response) return asked
  const text = (name: string): string => asked.get(name)?.text ?? ""

  const parameters = parseFlatJson(Buffer.from(text("request")))
  if (parameters === undefined) {
    const message = (isJson(text("request")) ? NOT_FLAT : NOT_JSON)[call.language]
    return envelope(call, 422, message, { errors: { request: [message] } })
  }
  const appId = text("app_id") || (parameters.get("app_id")?.text ?? "")
  if (appId === "") return yield* new AppIdMissing()
  if (LIVE_APP_ID.test(appId)) return frameworkError(call, TEST_MODE_ONLY)
  // Only test app_ids are looked up, so that no answer and no time that it takes depends on a live merchant.
  const known = TEST_APP_ID.test(appId) ? yield* directory.byAppId(appId) : null
  if (known?.merchant.mode !== "test") return yield* new MerchantUnknown()
  const nowMs = yield* Clock.currentTimeMillis
  const { findings, ...check } = checkSign({
    parameters,
    built: optional(text("canonical")),
    sign: optional(text("sign")),
    secrets: liveSecrets(known.secrets, nowMs).map(({ secret }) => Redacted.value(secret))
  })
  return envelope(call, 200, OK[call.language], {
    ...check,
    findings: findings.map((finding) => written(finding, call.language))
  })
}) satisfies (call: BodyCall) => Effect.Effect<Response, CashierError, Throttle | MerchantDirectory>

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const optional = (text: string): string | undefined => (text === "" ? undefined : text)

/** A finding in words. */
const written = (finding: Finding, language: Language) => {
  const { what, remedy } = FINDING_TEXTS[finding.code]
  const { parameter, given, wanted } = finding
  return {
    code: finding.code,
    parameter: parameter ?? null,
    message: fill(what[language], { parameter, given, wanted }).trim(),
    remedy: remedy[language]
  }
}
