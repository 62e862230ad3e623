import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { ENDPOINTS, type Endpoint, operationId } from "../../plugins/swagger/endpoints.ts"
import { sampleCall } from "../../plugins/swagger/openapi.ts"
import { SAMPLE_LANGUAGES } from "../../plugins/swagger/samples/languages.ts"
import { comments, type SampleLanguage } from "../../plugins/swagger/samples/sample.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type MerchantClient, unique } from "../harness/merchant-client.ts"
import { endsWithUs, folderEndsWithUs } from "../harness/reaper.ts"
import { requireTool } from "../harness/require-tool.ts"

/* The samples of the documentation, each run as its tab says, in an empty folder, against a gateway. */

/** Long enough for a cold Go build cache on a busy machine. */
setDefaultTimeout(180_000)

/** Values that a text of a program, of JSON or of a shell could be broken by. */
const HARD = "一杯 \"拿铁\" & 'x' = 100% $HOME `id` \\n \\\\ #{1} {0} 😀"

let gateway: Gateway
let shop: MerchantClient
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "payhub-docs-samples-"))
  folderEndsWithUs(folder)
  gateway = await startGateway()
  shop = await gateway.merchant({ name: "A shop" })
})
afterAll(async () => {
  await gateway?.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Answer {
  readonly code: number
  readonly data: Readonly<Record<string, unknown>>
}

/** Runs the sample of an endpoint with some of its example's values changed, and returns what it printed. */
const answerOf = async (
  language: SampleLanguage,
  name: string,
  fields: Readonly<Record<string, string | number>>
): Promise<Answer> => {
  const endpoint = ENDPOINTS.find((one) => operationId(one) === name) as Endpoint
  const call = sampleCall(endpoint)
  const place = join(folder, unique(language.id))
  mkdirSync(place)
  writeFileSync(
    join(place, language.file),
    language.code({ ...call, fields: { ...call.fields, ...fields } }, comments("zh"))
  )
  const child = spawn("sh", ["-c", language.run], {
    cwd: place,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      LC_ALL: "C.UTF-8",
      PAYHUB_URL: gateway.url,
      PAYHUB_APP_ID: shop.appId,
      PAYHUB_APP_SECRET: shop.secret,
      GOCACHE: join(folder, ".go-build"),
      GOPATH: join(folder, ".go"),
      GOPROXY: "off",
      GOTOOLCHAIN: "local"
    }
  })
  endsWithUs(child.pid ?? 0)
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  try {
    return JSON.parse(out) as Answer
  } catch {
    throw new Error(`the sample printed no answer:\n${out}\n${err}`)
  }
}

for (const language of SAMPLE_LANGUAGES) {
  const [tool = ""] = language.run.split(" ")
  const needed = language.id === "Shell" ? ["curl", "openssl"] : [tool]
  const missing = needed.find((name) => Bun.which(name) === null)
  const found = requireTool({
    name: missing ?? tool,
    found: missing === undefined,
    suite: `the ${language.title} samples of the documentation`,
    how: "see examples/merchants"
  })
  describe.skipIf(!found)(`The ${language.title} samples`, () => {
    test("place an order, query it, and ask the unsigned endpoints", async () => {
      const merchant_order_no = unique("DOC")
      const ordered = await answerOf(language, "qrcodePay", { merchant_order_no })
      expect(ordered).toMatchObject({ code: 200, data: { merchant_order_no, amount: 1000 } })
      const queried = await answerOf(language, "orderQuery", { merchant_order_no })
      expect(queried).toMatchObject({ code: 200, data: { amount: "10.00", status_name: "PENDING" } })

      const inWechat = await answerOf(language, "wechatJsPay", { merchant_order_no: unique("DOC") })
      expect(inWechat.code).toBe(200)
      const pay_token = String(inWechat.data.pay_token)
      const info = await answerOf(language, "jsapiPayInfo", { pay_token })
      expect(info).toMatchObject({ code: 200, data: { jsapi_pay_info: { timeStamp: expect.any(String) } } })
      expect(await answerOf(language, "payState", { token: pay_token })).toMatchObject({ data: { amount: "10.00" } })
      expect(Object.keys((await answerOf(language, "channels", {})).data)).toEqual(["channels"])
    })

    test("sign and send what a string of the language could be broken by, and print the refusals", async () => {
      const merchant_order_no = unique("DOC")
      const ordered = await answerOf(language, "qrcodePay", { merchant_order_no, extra: HARD, note: "" })
      expect(ordered).toMatchObject({ code: 200, data: { extra: HARD } })
      expect(await answerOf(language, "qrcodePay", { merchant_order_no })).toMatchObject({ code: 400, data: null })
      expect(await answerOf(language, "jsapiPayInfo", { pay_token: HARD })).toMatchObject({ code: 400 })
    })
  })
}
