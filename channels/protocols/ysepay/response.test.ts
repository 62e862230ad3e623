import { describe, expect, test } from "bun:test"
import { generateKeyPairSync, sign } from "node:crypto"
import { Effect } from "effect"
import { readResponse, textOf } from "./response.ts"

const METHOD = "ysepay.online.qrcodepay"
const NODE = "ysepay_online_qrcodepay_response"
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 })
const signature = (node: string) => JSON.stringify(sign("sha1", Buffer.from(node), privateKey).toString("base64"))
const read = (text: string | Uint8Array) =>
  Effect.runSync(Effect.result(readResponse(METHOD, Buffer.from(text as string), publicKey)))
const signLast = (node: string) => `{"${NODE}":${node},"sign":${signature(node)}}`
const signFirst = (node: string) => `{"sign":${signature(node)},"${NODE}":${node}}`

/** Hand-built: brackets and escaped quotes inside strings, odd spaces, escapes, an amount as a number. */
const NASTY = String.raw`{ "code" : "10000","out_trade_no":"20261124QR1" , "memo":"} \" { \\","x":{"y":[{"z":"]}"},"}"]},"total_amount":10.00,"msg":"成功\u6210\/"}`

describe("a signed answer is read", () => {
  test.each([
    ["with its sign behind the node", signLast(NASTY)],
    ["with its sign before the node", signFirst(NASTY)],
    ["with white space around everything", ` \r\n{ "sign" : ${signature(NASTY)} ,\n "${NODE}" :\t${NASTY}\n}\n`],
    ["with a further member", `{"trace":[1,{"a":"}"}],"n":-1.5e3,"t":true,${signLast(NASTY).slice(1)}`]
  ])("%s", (_, text) => {
    const answer = read(text)
    if (answer._tag !== "Success" || answer.success.kind !== "done") throw new Error(JSON.stringify(answer))
    expect(textOf(answer.success.node, "memo")).toBe('} " { \\')
    expect(textOf(answer.success.node, "msg")).toBe("成功成/")
    expect(textOf(answer.success.node, "total_amount")).toBe("10")
  })

  test("when its slashes were escaped after it was signed", () => {
    const node = `{"code":"10000","url":"https://qr.alipay.com/a"}`
    const sent = `{"${NODE}":${node.replaceAll("/", "\\/")},"sign":${signature(node)}}`
    expect(read(sent)).toMatchObject({
      _tag: "Success",
      success: { kind: "done", node: { url: "https://qr.alipay.com/a" } }
    })
  })
})

test("no byte of a signed node can change", () => {
  const bytes = Buffer.from(signLast(NASTY))
  const from = bytes.indexOf(NASTY.slice(0, 8))
  const to = from + Buffer.byteLength(NASTY)
  for (let at = from; at < to; at++) {
    for (const bit of [0x01, 0x10]) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ bit
      expect(read(changed)).toMatchObject({ _tag: "Failure", failure: { _tag: "ChannelUncertain" } })
    }
  }
})

describe("what 40004 means depends on its sub_code", () => {
  test.each([
    ["7990", "refused"],
    ["ACQ.INVALID_PARAMETER", "refused"],
    ["ACQ.QUERY_NO_RECORD", "absent"],
    ["ACQ_QUERY_NO_RECORD", "absent"],
    ["ACQ.TRADE_NOT_EXIST", "absent"]
  ] as const)("%s: %s", (subCode, kind) => {
    const node = `{"code":"40004","msg":"Business Failed","sub_code":"${subCode}","sub_msg":"没找到路由"}`
    expect(read(signLast(node))).toMatchObject({
      success: { kind, reason: `40004 Business Failed ${subCode} 没找到路由` }
    })
    expect(read(signLast(node).replace("Business", "business"))).toMatchObject({ failure: { why: "bad-signature" } })
  })
})

const uncertain = (code: string, subCode?: string, subMsg?: string) =>
  signLast(JSON.stringify({ code, msg: "m", sub_code: subCode, sub_msg: subMsg }))

test("an unsigned invalid-signature blames our own key, not Yinsheng's certificate", () => {
  const node = `{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-signature","sub_msg":"验签失败"}`
  for (const text of [`{"${NODE}":${node}}`, `{"unknow_response":${node}}`, signLast(node)]) {
    const detail = expect.stringContaining("Yinsheng refuses our signature: privateKey is not") as never
    expect(read(text)).toMatchObject({ failure: { _tag: "ChannelUncertain", why: "server-error", detail } })
  }
  expect(read(`{"${NODE}":${node},"sign":"AA=="}`)).toMatchObject({ failure: { why: "bad-signature" } })
})

test.each([
  ["3501", uncertain("3501"), "server-error"],
  ["50000", uncertain("50000"), "server-error"],
  ["40004 without sub_code", uncertain("40004"), "server-error"],
  ["40004 ACQ.SYSTEM_ERROR", uncertain("40004", "ACQ.SYSTEM_ERROR"), "server-error"],
  ["40004 ACQ.BUSINESS_TIMEOUT_ERROR", uncertain("40004", "ACQ.BUSINESS_TIMEOUT_ERROR"), "server-error"],
  ["40004 ACQ_SYSTEM_ERROR", uncertain("40004", "ACQ_SYSTEM_ERROR"), "server-error"],
  ["40004 isv.app-call-limited", uncertain("40004", "isv.app-call-limited"), "server-error"],
  [
    "40004 with a number, too often by its text",
    uncertain("40004", "7001", "请求过于频繁，请稍后再试"),
    "server-error"
  ],
  ["40002 (no table of these is known)", uncertain("40002", "isv.invalid-signature"), "server-error"],
  ["no code", signLast(`{"msg":"Success"}`), "server-error"],
  ["unknow_response", `{"unknow_response":{"code":"50001","msg":"网关异常"}}`, "server-error"],
  ["unknow_response that says it went well", `{"unknow_response":{"code":"10000"},"sign":"AA=="}`, "server-error"],
  [
    "unknow_response, signed",
    `{"unknow_response":{"code":"10000"},"sign":${signature('{"code":"10000"}')}}`,
    "server-error"
  ],
  ["another method's node", signLast(`{"code":"10000"}`).replace("qrcodepay", "weixin_pay"), "unreadable"],
  ["no sign", `{"${NODE}":{"code":"10000"}}`, "bad-signature"],
  ["an empty sign", `{"${NODE}":{"code":"10000"},"sign":""}`, "bad-signature"],
  ["a sign that is no text", `{"${NODE}":{"code":"10000"},"sign":null}`, "bad-signature"],
  ["a stranger's sign", `{"${NODE}":{"code":"10000"},"sign":${signature('{"code":"40004"}')}}`, "bad-signature"],
  ["two nodes", `{"${NODE}":{"code":"40004"},${signLast(`{"code":"10000"}`).slice(1)}`, "unreadable"],
  ["two signs", `{"sign":"AA==",${signLast(`{"code":"10000"}`).slice(1)}`, "unreadable"],
  ["a signed text for a node", signLast(`"10000"`), "unreadable"],
  ["a signed list for a node", signLast(`["10000"]`), "unreadable"],
  ["a signed node that is not JSON", signLast(`{"code":"10000",}`), "unreadable"],
  ["a list", "[]", "unreadable"],
  ["nothing", "", "unreadable"],
  ["HTML", "<html>{}</html>", "unreadable"],
  ["something behind the end", `${signLast(`{"code":"10000"}`)}{}`, "unreadable"],
  ["half of it", signLast(NASTY).slice(0, 90), "unreadable"],
  ["a string without end", `{"${NODE}":{"code":"10000`, "unreadable"],
  ["too many closing brackets", `{"${NODE}":{"code":"10000"}},"sign":"AA=="}`, "unreadable"]
] as const)("%s is uncertain", (_, text, why) => {
  expect(read(text)).toMatchObject({ _tag: "Failure", failure: { _tag: "ChannelUncertain", why } })
})

test("invalid UTF-8 inside a signed node is unreadable, not replaced", () => {
  const node = Buffer.concat([Buffer.from(`{"code":"10000","m":"`), Buffer.from([0xff]), Buffer.from(`"}`)])
  const signed = sign("sha1", node, privateKey).toString("base64")
  const text = Buffer.concat([Buffer.from(`{"${NODE}":`), node, Buffer.from(`,"sign":"${signed}"}`)])
  expect(read(text)).toMatchObject({ failure: { why: "unreadable" } })
})

test("deep nesting is cut out without running out of stack", () => {
  const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`
  expect(read(`{"${NODE}":${deep},"sign":"AA=="}`)).toMatchObject({ failure: { why: "bad-signature" } })
})
