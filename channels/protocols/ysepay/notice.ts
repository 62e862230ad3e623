import type { KeyObject } from "node:crypto"
import { Effect } from "effect"
import { NoticeRefused } from "../../../core/channel/index.ts"
import { baseString, type Field, verifySha1Rsa } from "./sign.ts"

/** Returns a field of a verified notice; undefined when it is absent or empty. */
export type NoticeFields = (name: string) => string | undefined

/**
 * Verifies an asynchronous notice and returns its fields. The signature covers every field received, undocumented ones
 * included, except `sign` and empty values. Sources: protocols/channels.md A3, A10.
 * @param body the raw form, application/x-www-form-urlencoded
 */
export const readNoticeForm = (
  body: Uint8Array,
  platformKey: KeyObject
): Effect.Effect<NoticeFields, NoticeRefused> => {
  const fields = parseForm(body)
  if (fields === undefined) return Effect.fail(new NoticeRefused({ why: "unreadable", detail: "not a form" }))
  const values = new Map(fields)
  if (values.size !== fields.length) {
    return Effect.fail(new NoticeRefused({ why: "unreadable", detail: "a field comes twice" }))
  }
  if (!verifySha1Rsa(Buffer.from(baseString(fields), "latin1"), values.get("sign") ?? "", platformKey)) {
    return Effect.fail(new NoticeRefused({ why: "bad-signature" }))
  }
  const text = decoderOf(values.get("charset"))
  if (text === undefined) return Effect.fail(new NoticeRefused({ why: "unreadable", detail: "unknown charset" }))
  return Effect.succeed((name) => {
    const value = values.get(name)
    return value === undefined || value.trim() === "" ? undefined : text(value)
  })
}

/** Percent-decodes into one character per byte: the signature covers bytes, whatever their charset. */
const parseForm = (body: Uint8Array): ReadonlyArray<Field> | undefined => {
  const raw = Buffer.from(body).toString("latin1")
  if (raw === "" || /%(?![0-9A-Fa-f]{2})/.test(raw)) return undefined
  const decode = (part: string) =>
    part.replaceAll("+", " ").replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return raw
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=")
      return equals < 0 ? [decode(pair), ""] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
    })
}

/** UTF-8, which our requests declare, unless the notice names another charset. */
const decoderOf = (charset: string | undefined): ((latin1: string) => string) | undefined => {
  const name = (charset ?? "").trim().toLowerCase() || "utf-8"
  if (!["utf-8", "utf8", "gbk", "gb2312"].includes(name)) return undefined
  const decoder = new TextDecoder(name)
  return (latin1) => decoder.decode(Buffer.from(latin1, "latin1"))
}
