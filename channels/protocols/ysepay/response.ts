import type { KeyObject } from "node:crypto"
import { Effect } from "effect"
import { ChannelUncertain } from "../../../core/channel/index.ts"
import { saysNotNow } from "../not-now.ts"
import { verifySha1Rsa } from "./sign.ts"

/** The fields of an answer's signed node, as parsed from JSON. */
export type Node = { readonly [field: string]: unknown }

/**
 * An answer that is certain. Anything else (no valid signature, 3501, 50000, a gateway error, an unknown code) is
 * ChannelUncertain: only a signed 40004 with a definite sub_code is a no.
 */
export type MethodAnswer =
  | { readonly kind: "done"; readonly node: Node }
  /** 40004: the provider's own words, for the timeline. */
  | { readonly kind: "refused"; readonly reason: string }
  /** 40004 with "no such record": the order may still arrive. */
  | { readonly kind: "absent"; readonly reason: string }

/**
 * sub_codes of 40004 that do not say what happened, beside those whose words say "not now": none, and the "pending" of a
 * white-label sibling (A4).
 */
const UNDECIDED = new Set(["", "3155", "3161", "3172"])
/** "No such record", as spelled by this gateway, its sibling and Alipay, whose codes it borrows (A4, D4, I). */
const ABSENT = new Set(["ACQ_QUERY_NO_RECORD", "ACQ_QUERY_NO_RESULT", "ACQ_TRADE_NOT_EXIST"])

/**
 * Reads an answer: cuts the node out, verifies the signature over its bytes as received, then parses it. The node's
 * name is not signed, so the caller must compare the order number and amount in the node with those it asked about.
 * @param body the answer's raw bytes (UTF-8, as declared in the request)
 */
export const readResponse = (
  method: string,
  body: Uint8Array,
  platformKey: KeyObject
): Effect.Effect<MethodAnswer, ChannelUncertain> => {
  // In Latin-1 one character is one byte, and no byte of a UTF-8 sequence looks like ASCII, so the cut is exact.
  const members = topLevelMembers(Buffer.from(body).toString("latin1"))
  if (members === undefined) return uncertain("unreadable", "the answer is not a JSON object")
  const raw = members.get(`${method.replaceAll(".", "_")}_response`)
  if (raw === undefined) {
    const failure = members.get("unknow_response") // their spelling; whether it is signed is not known
    return failure === undefined
      ? uncertain("unreadable", "the answer holds no node of the method")
      : uncertain("server-error", `unknow_response ${words(parseNode(failure) ?? {})}`)
  }
  const node = parseNode(raw)
  if (!isSigned(raw, members.get("sign"), platformKey)) {
    // Such an answer comes unsigned, and must not send the operator to look at Yinsheng's certificate.
    return !members.has("sign") && node !== undefined && blamesUs(node)
      ? uncertain("server-error", words(node))
      : uncertain("bad-signature")
  }
  if (node === undefined) return uncertain("unreadable", "the signed node is not a JSON object")
  const code = textOf(node, "code")
  if (code === "10000") return Effect.succeed({ kind: "done", node })
  // No complete table of sub_codes is published. One that is not "not now" is a refusal, which the callers believe only
  // after a query has said that there is no such order or refund.
  const subCode = (textOf(node, "sub_code") ?? "").replaceAll(".", "_").toUpperCase()
  if (code !== "40004" || UNDECIDED.has(subCode) || saysNotNow(words(node))) {
    return uncertain("server-error", words(node))
  }
  return Effect.succeed({ kind: ABSENT.has(subCode) ? "absent" : "refused", reason: words(node) })
}

/** A JSON string or number as text (amounts come as either); undefined when absent, empty or of another type. */
export const textOf = (node: Node, field: string): string | undefined => {
  const value = Object.hasOwn(node, field) ? node[field] : undefined
  if (typeof value === "number") return String(value)
  return typeof value === "string" && value.trim() !== "" ? value : undefined
}

const uncertain = (why: ChannelUncertain["why"], detail?: string) =>
  Effect.fail(new ChannelUncertain(detail === undefined ? { why } : { why, detail: detail.slice(0, 300) }))

const words = (node: Node): string => {
  const theirs = ["code", "msg", "sub_code", "sub_msg"].flatMap((field) => textOf(node, field) ?? []).join(" ")
  return blamesUs(node) ? `${theirs}: ${OUR_SIGNATURE}` : theirs
}

/** Whether an answer says that our own signature does not verify at Yinsheng. */
const blamesUs = (node: Node): boolean => /invalid-signature/i.test(textOf(node, "sub_code") ?? "")
const OUR_SIGNATURE = "Yinsheng refuses our signature: privateKey is not the one whose certificate it has of partnerId"

const isSigned = (raw: string, sign: string | undefined, platformKey: KeyObject): boolean => {
  const signature: unknown = sign?.startsWith('"') ? parseJson(sign) : undefined
  if (typeof signature !== "string") return false
  const verifies = (text: string) => verifySha1Rsa(Buffer.from(text, "latin1"), signature, platformKey)
  // Some gateways sign "/" and send "\/", so the text is tried again with plain slashes (A4, one source).
  return verifies(raw) || (raw.includes("\\/") && verifies(raw.replaceAll("\\/", "/")))
}

const parseNode = (raw: string): Node | undefined => {
  if (!raw.startsWith("{")) return undefined
  const node: unknown = parseJson(raw)
  return typeof node === "object" && node !== null ? (node as Node) : undefined
}

const parseJson = (raw: string): unknown => {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(raw, "latin1")))
  } catch {
    return undefined
  }
}

/**
 * The members of a JSON object with their values as raw text; undefined when the text is not one object, or a name
 * comes twice. Only strings and brackets are examined; the values are parsed after the signature has been verified.
 */
const topLevelMembers = (text: string): ReadonlyMap<string, string> | undefined => {
  const members = new Map<string, string>()
  let at = skipSpace(text, 0)
  if (text[at] !== "{") return undefined
  do {
    at = skipSpace(text, at + 1)
    const nameEnd = endOfString(text, at)
    const name: unknown = nameEnd === undefined ? undefined : parseJson(text.slice(at, nameEnd))
    const colon = nameEnd === undefined ? text.length : skipSpace(text, nameEnd)
    if (typeof name !== "string" || members.has(name) || text[colon] !== ":") return undefined
    const start = skipSpace(text, colon + 1)
    const end = endOfValue(text, start)
    if (end === undefined) return undefined
    members.set(name, text.slice(start, end))
    at = skipSpace(text, end)
  } while (text[at] === ",")
  return text[at] === "}" && skipSpace(text, at + 1) === text.length ? members : undefined
}

const skipSpace = (text: string, from: number): number => {
  let at = from
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++
  return at
}

/** The index after the string that begins at `from`. */
const endOfString = (text: string, from: number): number | undefined => {
  if (text[from] !== '"') return undefined
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++
    else if (text[at] === '"') return at + 1
  }
  return undefined
}

/** The index after the value that begins at `from`; brackets count outside strings only. */
const endOfValue = (text: string, from: number): number | undefined => {
  if (text[from] === '"') return endOfString(text, from)
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const character = text[at]
    if (character === '"') {
      const end = endOfString(text, at)
      if (end === undefined) return undefined
      at = end - 1
    } else if (character === "{" || character === "[") depth++
    else if (character === "}" || character === "]") {
      if (depth === 0) return at // the enclosing object ends a bare number or word
      depth--
      if (depth === 0) return at + 1
    } else if (character === "," && depth === 0) return at
  }
  return undefined
}
