import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { CHANNEL_CODES } from "../../core/domain/channel-code.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { unique } from "../harness/merchant-client.ts"
import { folderEndsWithUs } from "../harness/reaper.ts"
import { bodyOf, startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/*
 * A TypeScript client that is generated from `/swagger/json` as the README tells merchants to: it type-checks, its types
 * refuse mistakes, and it works against the gateway.
 */

setDefaultTimeout(60_000)

const NODE_MODULES = resolve(import.meta.dirname, "../../node_modules")
const SOURCES = join(import.meta.dirname, "generated-client")

interface Credentials {
  readonly app_id: string
  readonly app_secret: string
}

type Call = (shop: Credentials, fields: object) => Promise<Readonly<Record<string, unknown>> | undefined>

/** The exports of generated-client/merchant.ts, whose own types exist only beside a generated client. */
interface MerchantProgram {
  readonly orderByQrCode: Call
  readonly orderInWeChat: Call
  readonly findOrder: Call
  readonly channelNames: () => Promise<ReadonlyMap<string, string>>
  readonly onWebhook: (shop: Credentials, body: object, paid: (...words: string[]) => void) => Promise<string>
}

let gateway: Gateway
let receiver: WebhookReceiver
let project: string
let merchant: MerchantProgram
let shop: Credentials

beforeAll(async () => {
  ;[gateway, receiver] = await Promise.all([startGateway(), startWebhookReceiver()])
  project = mkdtempSync(join(tmpdir(), "payhub-client-"))
  folderEndsWithUs(project)
  symlinkSync(NODE_MODULES, join(project, "node_modules"))
  write("package.json", JSON.stringify({ type: "module", imports: { "#payhub-client": `./${CLIENT}` } }))
  write("tsconfig.json", JSON.stringify({ compilerOptions: COMPILER_OPTIONS }))
  write("merchant.ts", readFileSync(join(SOURCES, "merchant.ts"), "utf8"))
  const made = await run("oazapfts/dist/cli.js", `${gateway.url}/swagger/json?lang=en`, CLIENT, "--allSchemas")
  if (made.exitCode !== 0) throw new Error(`no client was generated: ${made.output}`)
  merchant = await import(join(project, "merchant.ts"))
  const { appId, secret } = await gateway.merchant()
  shop = { app_id: appId, app_secret: secret }
})

afterAll(async () => {
  if (project !== undefined) rmSync(project, { recursive: true, force: true })
  await receiver?.close()
  await gateway?.stop()
})

const CLIENT = "payhub-client.ts"

/** Strict, with the types of the web only: none of Bun or Node. */
const COMPILER_OPTIONS = {
  target: "ESNext",
  module: "ESNext",
  moduleResolution: "bundler",
  lib: ["ESNext", "DOM", "DOM.Iterable"],
  types: [],
  strict: true,
  noUncheckedIndexedAccess: true,
  noFallthroughCasesInSwitch: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
  noEmit: true
}

const write = (name: string, content: string) => writeFileSync(join(project, name), content)

/** Runs a package's program in the merchant's project, as `npx` does. */
const run = (program: string, ...args: ReadonlyArray<string>) =>
  new Promise<{ readonly exitCode: number; readonly output: string }>((done, fail) => {
    const child = spawn(process.execPath, [join(NODE_MODULES, program), ...args], { cwd: project })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text
      })
    }
    child.once("error", fail)
    child.once("close", (code) => done({ exitCode: code ?? -1, output }))
  })

const MISTAKES = readFileSync(join(SOURCES, "mistakes.ts"), "utf8")

const typeCheck = (mistakes: string) => {
  write("mistakes.ts", mistakes)
  return run("typescript/bin/tsc", "--project", ".", "--pretty", "false")
}

const order = (more: object = {}) => ({
  merchant_order_no: unique("GEN"),
  amount: 1000,
  notify_url: "https://shop.example.com/notify",
  ...more
})

/** Amounts at which the sandbox refuses the charge and at which it answers 500. */
const REFUSED = 888_801
const UNKNOWN = 888_805

test("it type-checks with a merchant's program on top and leaves no answer untyped", async () => {
  expect(await typeCheck(MISTAKES)).toEqual({ exitCode: 0, output: "" })
  const client = readFileSync(join(project, CLIENT), "utf8")
  expect(client.match(/export function \w+/g)).toHaveLength(6)
  expect(client.replaceAll(/\/\*[\s\S]*?\*\//g, "")).not.toMatch(/\b(any|unknown|object)\b/)
})

test("its types refuse a merchant's mistakes, each for its own reason", async () => {
  const expected = MISTAKES.split("\n").flatMap((line, i) => {
    const reason = /\/\/ @ts-expect-error (.+)/.exec(line)?.[1]
    return reason === undefined ? [] : [{ line: i + 2, reason }]
  })
  expect(expected.length).toBeGreaterThan(10)
  const { output } = await typeCheck(MISTAKES.replaceAll("@ts-expect-error", ""))
  const complaints = output.split(/\n(?=\S)/).filter((text) => text !== "")
  const found = complaints.map((text) => ({ line: Number(/^mistakes\.ts\((\d+),/.exec(text)?.[1]), text }))
  expect(found.map(({ line }) => line)).toEqual(expected.map(({ line }) => line))
  for (const [i, { reason }] of expected.entries()) expect(found[i]?.text).toContain(reason)
})

test("it lists the channels", async () => {
  expect([...(await merchant.channelNames()).keys()].sort()).toEqual(Object.keys(CHANNEL_CODES).sort())
})

test("it places an order, and reads its webhook and the paid order", async () => {
  const inbox = receiver.inbox()
  const sent = order({ notify_url: inbox.url, extra: "购物车 42", channel_code: "alipay_h5", note: undefined })
  const placed = await merchant.orderByQrCode(shop, sent)
  expect(placed).toEqual({ kind: "show", orderNo: expect.stringMatching(/^QR/), url: expect.any(String), fen: 1000 })
  const order_no = placed?.orderNo
  expect(await merchant.findOrder(shop, { order_no })).toMatchObject({ status_name: "PENDING", pay_time: null })

  await fetch(String(placed?.url), { method: "POST", body: new URLSearchParams({ action: "pay" }), redirect: "manual" })
  const [push] = await inbox.waitFor(1)
  if (push === undefined) throw new Error("no webhook came")
  const paid: string[][] = []
  const hear = (...words: string[]) => paid.push(words)
  expect(await merchant.onWebhook(shop, bodyOf(push), hear)).toBe("success")
  expect(await merchant.onWebhook({ ...shop, app_secret: "another" }, bodyOf(push), hear)).toBe("forged")
  const { merchant_order_no } = sent
  expect(paid).toEqual([[merchant_order_no, "9.94"]])
  expect(await merchant.findOrder(shop, { merchant_order_no })).toMatchObject({
    order_no,
    status: 1,
    channel_code: "alipay_h5",
    actual_amount: "9.94"
  })
})

test("it orders inside WeChat, with and without the payer's openid", async () => {
  const page = await merchant.orderInWeChat(shop, order())
  expect(page).toEqual({
    kind: "show",
    orderNo: expect.stringMatching(/^WX/),
    url: expect.stringContaining("/wechat-pay-invoke.html?token="),
    fen: 1000
  })
  const known = await merchant.orderInWeChat(shop, order({ subOpenId: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" }))
  expect(known).toMatchObject({ kind: "show", start: { package: expect.stringMatching(/^prepay_id=/) } })
})

test("it tells failures apart: wrong fields, a refusal, an unknown outcome, no such order, a wrong secret", async () => {
  expect(await merchant.orderByQrCode(shop, order({ merchant_order_no: "x".repeat(65), amount: "ten" }))).toEqual({
    kind: "correct",
    fields: { merchant_order_no: [expect.any(String)], amount: [expect.any(String)] }
  })
  expect(await merchant.orderByQrCode(shop, order({ amount: REFUSED }))).toEqual({
    kind: "use a new number",
    refusedOrderNo: expect.stringMatching(/^QR/)
  })
  expect(await merchant.orderByQrCode(shop, order({ amount: UNKNOWN }))).toEqual({
    kind: "query before anything else",
    orderNo: expect.stringMatching(/^QR/),
    requestId: expect.any(String)
  })
  expect(await merchant.findOrder(shop, { order_no: "QR20260315120000A1B2C3D4" })).toBeUndefined()
  expect(await merchant.orderByQrCode({ ...shop, app_secret: "another" }, order())).toMatchObject({
    kind: "not placed",
    code: 401
  })
})
