import { describe, expect, test } from "bun:test"
import { generateKeyPairSync, sign } from "node:crypto"
import { Effect } from "effect"
import { readNoticeForm } from "./notice.ts"

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 })
const stranger = generateKeyPairSync("rsa", { modulusLength: 1024 })

/** The fields of a published production notice of 2021 (names and shape; the values are made up). */
const FIELDS = {
  notify_time: "2026-11-24 12:48:07",
  payee_fee: "0.00",
  account_date: "20261124",
  fee: "0.00",
  channel_send_sn: "1012611240634493110",
  card_type: "",
  notify_type: "directpay.status.sync",
  partner_fee: "0.00",
  out_trade_no: "20261124QR124736ABCDEFGH",
  total_amount: "0.10",
  trade_status: "TRADE_SUCCESS",
  trade_no: "01O261124406344931",
  settlement_amount: "0.10",
  paygate_no: "900000001",
  payer_fee: "0.00",
  channel_recv_sn: "612026112422001425221424015372",
  sign_type: "RSA",
  extra_common_param: "收银台 a&b=c+d%20",
  some_new_field: '{"k":1}'
}

/** Written out by hand: sorted, "&", no sign, no blanks. */
const base = (fields: Readonly<Record<string, string>>) =>
  Object.keys(fields)
    .filter((name) => (fields[name] ?? "").trim() !== "")
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join("&")
const signed = (fields: Readonly<Record<string, string>>, key = privateKey) =>
  new URLSearchParams({ ...fields, sign: sign("sha1", Buffer.from(base(fields)), key).toString("base64") }).toString()
const read = (body: string | Uint8Array) =>
  Effect.runSync(Effect.result(readNoticeForm(Buffer.from(body as string), publicKey)))
const field = (body: string | Uint8Array, name: string) => {
  const notice = read(body)
  if (notice._tag === "Failure") throw notice.failure
  return notice.success(name)
}

describe("a notice of the production shape", () => {
  test("verifies under a 1024-bit key, unknown fields and an empty card_type included", () => {
    const body = signed(FIELDS)
    expect(field(body, "out_trade_no")).toBe(FIELDS.out_trade_no)
    expect(field(body, "extra_common_param")).toBe("收银台 a&b=c+d%20")
    expect(field(body, "card_type")).toBeUndefined()
    expect(field(body, "no_such_field")).toBeUndefined()
  })

  test("fails when any byte of any value is another one, or any field is gone, new or renamed", () => {
    const good = new URLSearchParams(signed(FIELDS))
    const refused = (change: (form: URLSearchParams) => void) => {
      const form = new URLSearchParams(good)
      change(form)
      expect(read(form.toString())).toMatchObject({ failure: { _tag: "NoticeRefused", why: "bad-signature" } })
    }
    for (const [name, value] of good) {
      for (let i = 0; i < value.length; i++) {
        const other = String.fromCharCode(value.charCodeAt(i) ^ 1)
        refused((form) => form.set(name, value.slice(0, i) + other + value.slice(i + 1)))
      }
      if (value === "") continue
      refused((form) => form.delete(name))
      refused((form) => form.set(name, `${value}0`))
      refused((form) => {
        form.delete(name)
        form.append(`${name}_`, value)
      })
    }
    refused((form) => form.set("card_type", "credit"))
    refused((form) => form.append("added", "1"))
  })

  test("does not verify under SHA-256, a stranger's key, or without sign_type in the base", () => {
    const { sign_type, ...without } = FIELDS
    const over = (text: string, hash = "sha1") => sign(hash, Buffer.from(text), privateKey).toString("base64")
    for (const signature of [over(base(FIELDS), "sha256"), over(base(without))]) {
      expect(read(new URLSearchParams({ ...FIELDS, sign: signature }).toString())).toMatchObject({
        failure: { why: "bad-signature" }
      })
    }
    expect(read(signed(FIELDS, stranger.privateKey))).toMatchObject({ failure: { why: "bad-signature" } })
  })
})

test("a notice in GBK verifies over its bytes and is read in its charset", () => {
  // "银盛" in GBK; no runtime encodes GBK, so the bytes are spelled out.
  const body = `charset=GBK&sign_type=RSA&subject=${"%D2%F8%CA%A2"}`
  const text = Buffer.concat([Buffer.from("charset=GBK&sign_type=RSA&subject="), Buffer.from([0xd2, 0xf8, 0xca, 0xa2])])
  const signature = sign("sha1", text, privateKey).toString("base64")
  expect(field(`${body}&sign=${encodeURIComponent(signature)}`, "subject")).toBe("银盛")
})

test.each([
  ["an empty body", ""],
  ["a broken escape", "a=%zz&sign=AA=="],
  ["a field that comes twice", `${signed(FIELDS)}&total_amount=0.10`],
  ["a charset nobody knows", signed({ ...FIELDS, charset: "SHIFT_JIS" })]
])("%s is unreadable", (_, body) => {
  expect(read(body)).toMatchObject({ failure: { _tag: "NoticeRefused", why: "unreadable" } })
})

test.each([
  ["JSON", JSON.stringify(FIELDS)],
  ["no sign", new URLSearchParams(FIELDS).toString()],
  ["only a sign", "sign=AAAA"]
])("%s is refused", (_, body) => {
  expect(read(body)).toMatchObject({ failure: { why: "bad-signature" } })
})
