import { Clock, Effect, Redacted } from "effect"
import {
  AppIdMissing,
  type CashierError,
  MalformedRequest,
  MerchantUnknown,
  ThrottleExceeded
} from "../../domain/errors.ts"
import { liveSecrets } from "../../domain/merchant.ts"
import type { Parameters } from "../../domain/parameters.ts"
import { MerchantDirectory } from "../../pipeline/auth/merchant-directory.ts"
import { Throttle } from "../../pipeline/throttle/throttle.ts"
import { isJsonType, readBody } from "../body.ts"
import type { Call, Handler, Route, Run } from "../edge.ts"
import { envelope, errorResponse, frameworkError, respond } from "../envelope.ts"
import { parseFlatJson } from "../flat-json.ts"
import { FRAMEWORK, OK, SIGN_TOOL_PATH } from "../merchant/messages.ts"
import { pageResponse } from "../web/document.ts"
import { type Bilingual, fill, type Language, pageLanguage } from "../web/language.ts"
import { FINDING_TEXTS } from "./finding-texts.ts"
import { renderSignPage } from "./page.ts"
import { checkSign } from "./sign-check.ts"
import type { Finding } from "./sign-findings.ts"

/** The signature debugger: a page and the endpoint that it asks. For test-mode merchants only. */
export const toolsRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "GET", path: SIGN_TOOL_PATH, handle: page },
  { method: "POST", path: "/api/tools/sign-check", handle: signCheck(run) }
]

/** Calls of one address: enough to mend one's code by, too few to try things out on a machine's scale. */
const RULE = { count: 20, windowMs: 60_000 }

const page: Handler = async (call) => pageResponse(200, renderSignPage(pageLanguage(call)))

/** Refusals of this tool alone. */
const TEST_MODE_ONLY = { code: 400, zh: "仅支持测试模式商户", en: "Test-mode merchants only" }
const REQUEST_INVALID: Bilingual = {
  zh: "request 必须是一个扁平 JSON 对象的文本，即您的代码发送的请求体",
  en: "request must be the text of one flat JSON object: the body that your code sent"
}

/** Every app_id that is not a test one is told the same, whether it exists or not. */
const TEST_APP_ID = /^pk_test_[0-9A-Za-z]{8,64}$/

const signCheck =
  (run: Run): Handler =>
  async (call) => {
    const exit = await run(diagnose(call))
    const answered = await run(respond(call, exit, (response) => response))
    return answered._tag === "Success" ? answered.value : frameworkError(call, FRAMEWORK.internal)
  }

const diagnose = Effect.fnUntraced(function* (call: Call) {
  const throttle = yield* Throttle
  const directory = yield* MerchantDirectory
  // A long window: what the caller is told is how long it has to wait, not how long the window is.
  yield* throttle
    .takeKey(`signcheck:{${call.clientIp}}`, RULE)
    .pipe(
      Effect.catchTag("ThrottleExceeded", ({ retryAfterMs }) =>
        Effect.fail(new ThrottleExceeded({ retryAfterMs, windowMs: retryAfterMs }))
      )
    )
  const asked = yield* Effect.promise(() => parametersOf(call))
  if (asked instanceof Response) return asked
  const text = (name: string): string => asked.get(name)?.text ?? ""

  if (text("app_id") === "") return yield* new AppIdMissing()
  if (!TEST_APP_ID.test(text("app_id"))) return frameworkError(call, TEST_MODE_ONLY)
  const known = yield* directory.byAppId(text("app_id"))
  if (known === null) return yield* new MerchantUnknown()
  const parameters = parseFlatJson(Buffer.from(text("request")))
  if (parameters === undefined) {
    const message = REQUEST_INVALID[call.language]
    return envelope(call, 422, message, { errors: { request: [message] } })
  }
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
}) satisfies (call: Call) => Effect.Effect<Response, CashierError, Throttle | MerchantDirectory>

const parametersOf = async (call: Call): Promise<Parameters | Response> => {
  if (!isJsonType(call.request.headers.get("content-type"))) return frameworkError(call, FRAMEWORK.unsupportedMediaType)
  const body = await readBody(call.request)
  if (body === "too-large") return frameworkError(call, FRAMEWORK.bodyTooLarge)
  const parameters = typeof body === "string" ? undefined : parseFlatJson(body)
  return parameters ?? errorResponse(call, new MalformedRequest())
}

const optional = (text: string): string | undefined => (text === "" ? undefined : text)

/** A finding in words. */
const written = (finding: Finding, language: Language) => {
  const { code, ...facts } = finding
  const { what, remedy } = FINDING_TEXTS[code]
  return {
    code,
    parameter: finding.parameter ?? null,
    message: fill(what[language], facts).trim(),
    remedy: remedy[language]
  }
}
