import { type KeyObject, sign, verify } from "node:crypto"
import { bytesOfBase64 } from "../../../core/channel/index.ts"

/*
 * The provider's side of the wire. It does not use the codec that it tests: nobody would see a mistake that both sides
 * share.
 */

/** A member of a hand-built JSON node: text is quoted, `raw` is inserted as it is (numbers, arrays, objects). */
export type Member = readonly [name: string, value: string | { readonly raw: string }]

/** A node's JSON with irregular spaces, non-ASCII both plain and escaped, and its members in the order given. */
export const nodeText = (members: ReadonlyArray<Member>): string =>
  `{${members
    .map(([name, value], i) => {
      const text = typeof value === "string" ? JSON.stringify(value) : value.raw
      return `${JSON.stringify(name)}:${i % 3 === 1 ? " " : ""}${i % 4 === 2 ? escapeWide(text) : text}`
    })
    .join(", ")}}`

const escapeWide = (text: string): string =>
  text.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** SHA1withRSA over a text's UTF-8 bytes, Base64. */
const sha1Rsa = (text: string, key: KeyObject): string => sign("sha1", Buffer.from(text), key).toString("base64")

/** The whole answer; its signature covers exactly the node's bytes. */
export const envelope = (
  method: string,
  node: string,
  key: KeyObject,
  how: {
    readonly signFirst: boolean
    readonly signature: "right" | "wrong" | "absent"
    readonly escapeSlashes: boolean
  }
): string => {
  const sent = how.escapeSlashes ? node.replaceAll("/", "\\/") : node
  const member = `"${method.replace(/\./g, "_")}_response":${sent}`
  if (how.signature === "absent") return `{${member}}`
  const signature = JSON.stringify(sha1Rsa(how.signature === "wrong" ? `${node} ` : node, key))
  return how.signFirst ? `{"sign":${signature},${member}}` : `{ ${member} , "sign":${signature} }\n`
}

/** Sorted `k=v` pairs joined by "&", without `sign` and blank values. */
const joined = (fields: ReadonlyMap<string, string>): string => {
  const names = [...fields.keys()].filter((name) => name !== "sign" && fields.get(name)?.trim())
  names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return names.map((name) => `${name}=${fields.get(name)}`).join("&")
}

/** A notice's body: the fields as given, and a signature over those that are not blank. */
export const signedNoticeForm = (fields: ReadonlyMap<string, string>, key: KeyObject): string => {
  const all = new URLSearchParams([...fields])
  all.append("sign", sha1Rsa(joined(fields), key))
  return all.toString()
}

/** The common parameters and business fields of a request, or the reason why the gateway refuses it. */
export const readRequest = (
  body: string,
  sender: { readonly partnerId: string; readonly key: KeyObject; readonly nowMs: number }
): { readonly method: string; readonly common: ReadonlyMap<string, string>; readonly biz: Biz } | string => {
  const pairs = [...new URLSearchParams(body)]
  const common = new Map(pairs)
  if (pairs.length !== common.size) return "a parameter comes twice"
  const signature = bytesOfBase64(common.get("sign") ?? "")
  if (signature === undefined || !verify("sha1", Buffer.from(joined(common)), sender.key, signature)) {
    return "isv.invalid-signature"
  }
  const strange = pairs.find(([name]) => !COMMON.includes(name))
  if (strange !== undefined) return `unknown parameter ${strange[0]}`
  for (const name of COMMON) {
    if (name !== "notify_url" && !common.get(name)) return `missing parameter ${name}`
  }
  if (common.get("partner_id") !== sender.partnerId) return "unknown partner_id"
  if (common.get("charset") !== "UTF-8") return "charset"
  if (common.get("sign_type") !== "RSA") return "sign_type"
  if (!/^[1-9]\.\d$/.test(common.get("version") ?? "")) return "version"
  const sentMs = Date.parse(`${common.get("timestamp")?.replace(" ", "T")}+08:00`)
  if (!(Math.abs(sentMs - sender.nowMs) < 10 * 60_000)) return "timestamp is not Beijing's time"
  let biz: unknown
  try {
    biz = JSON.parse(common.get("biz_content") ?? "")
  } catch {
    return "biz_content is not JSON"
  }
  if (typeof biz !== "object" || biz === null || Array.isArray(biz)) return "biz_content is not an object"
  const fields = new Map(Object.entries(biz as Record<string, unknown>))
  if ([...fields.values()].some((value) => typeof value !== "string")) return "biz_content holds more than texts"
  return { method: common.get("method") ?? "", common, biz: fields as Biz }
}

export type Biz = ReadonlyMap<string, string>

const COMMON = [
  "method",
  "partner_id",
  "timestamp",
  "charset",
  "sign_type",
  "sign",
  "version",
  "notify_url",
  "biz_content"
]

/** Fen → "0.01". */
export const yuan = (fen: number): string => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, "0")}`

/** Beijing time as `yyyy-MM-dd HH:mm:ss`. */
export const beijing = (ms: number): string => new Date(ms + 28_800_000).toISOString().replace("T", " ").slice(0, 19)

/** Beijing date as yyyyMMdd. */
export const beijingDate = (ms: number): string => beijing(ms).slice(0, 10).replaceAll("-", "")
