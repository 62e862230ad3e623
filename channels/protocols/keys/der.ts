/** The kind of a DER file by its outermost shape: enough to tell an operator in plain words what they pasted. */
export type DerKind =
  | "pkcs8-private-key"
  | "pkcs1-private-key"
  | "ec-private-key"
  | "encrypted-private-key"
  | "public-key"
  | "pkcs1-public-key"
  | "certificate"
  | "certificate-request"
  | "certificate-list"
  | "pfx"
  | "cut-off"
  | "unknown"

const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OID = 0x06
const SEQUENCE = 0x30
const SET = 0x31
const VERSION = 0xa0 // [0] EXPLICIT: a version 2 or 3 certificate begins with it

interface Element {
  readonly tag: number
  readonly start: number
  readonly end: number
}

/**
 * The element at `at`, or undefined when there is no header. An `end` past the bytes means that the file is cut off.
 */
const elementAt = (bytes: Uint8Array, at: number): Element | undefined => {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined) return undefined
  if (first < 0x80) return { tag, start: at + 2, end: at + 2 + first }
  const lengthBytes = first & 0x7f
  // Indefinite length (BER): only some .pfx writers use it, and those run to the end of the file.
  if (lengthBytes === 0) return { tag, start: at + 2, end: bytes.length }
  if (lengthBytes > 4) return undefined
  let length = 0
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[at + 2 + i] ?? 0)
  return { tag, start: at + 2 + lengthBytes, end: at + 2 + lengthBytes + length }
}

/** The elements inside another, at most eight: no shape below needs more. */
const childrenOf = (bytes: Uint8Array, parent: Element): ReadonlyArray<Element> => {
  const found: Array<Element> = []
  let at = parent.start
  while (at < parent.end && found.length < 8) {
    const next = elementAt(bytes, at)
    if (next === undefined || next.end <= at) break
    found.push(next)
    at = next.end
  }
  return found
}

/**
 * Sources: RFC 5958 (PKCS#8), RFC 8017 A.1 (PKCS#1), RFC 5915 (EC), RFC 5280 (X.509), RFC 2986 (CSR), RFC 7292 (PFX).
 */
export const derKind = (bytes: Uint8Array): DerKind => {
  const outer = elementAt(bytes, 0)
  if (outer === undefined || outer.tag !== SEQUENCE) return "unknown"
  if (outer.end > bytes.length) return "cut-off"
  const children = childrenOf(bytes, outer)
  const inside = (index: number): ReadonlyArray<Element> => {
    const child = children[index]
    return child === undefined ? [] : childrenOf(bytes, child)
  }
  const tags = children.map((child) => child.tag)
  const integer = tags[0] === INTEGER ? (bytes[children[0]?.start ?? 0] ?? 0) : undefined

  if (integer === 3 && tags[1] === SEQUENCE && inside(1)[0]?.tag === OID) return "pfx"
  if (tags[0] === INTEGER && tags[1] === SEQUENCE && tags[2] === OCTET_STRING) return "pkcs8-private-key"
  if (integer === 1 && tags[1] === OCTET_STRING) return "ec-private-key"
  if (tags.length >= 8 && tags.every((tag) => tag === INTEGER)) return "pkcs1-private-key"
  if (tags.length === 2 && tags.every((tag) => tag === INTEGER)) return "pkcs1-public-key"
  if (tags[0] === OID) return "certificate-list" // PKCS#7, .p7b
  if (tags[0] !== SEQUENCE) return "unknown"
  const head = inside(0)
  if (tags.length === 2 && head[0]?.tag === OID) {
    return tags[1] === BIT_STRING ? "public-key" : tags[1] === OCTET_STRING ? "encrypted-private-key" : "unknown"
  }
  if (tags.length !== 3 || tags[2] !== BIT_STRING) return "unknown"
  if (head[0]?.tag === VERSION) return "certificate"
  // Both begin INTEGER, SEQUENCE: a request goes on with its subject (a SEQUENCE of SETs), a version 1 certificate with
  // its signature algorithm (a SEQUENCE that begins with an OID).
  const second = head[1]
  if (head[0]?.tag !== INTEGER || second?.tag !== SEQUENCE) return "unknown"
  const beginsWith = childrenOf(bytes, second)[0]?.tag
  return beginsWith === OID
    ? "certificate"
    : beginsWith === SET || beginsWith === undefined
      ? "certificate-request"
      : "unknown"
}
