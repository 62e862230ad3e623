/** Where the merchant's string first differs from the right one. */
export interface Difference {
  /** Index in UTF-8 bytes, from 0. */
  readonly byte: number
  /** The parameter that contains this byte of the right string; null = after the last one. */
  readonly parameter: string | null
  /** Excerpt of the right string from there on. */
  readonly expected: string
  /** Excerpt of the merchant's string from there on. */
  readonly actual: string
}

/** One fault. `parameter` names the parameter at fault, if any; `given` and `wanted` are the merchant's own texts. */
export interface Finding {
  readonly code: FindingCode
  readonly parameter?: string
  readonly given?: string
  readonly wanted?: string
}

export type FindingCode = StringFault | SignFault | "secret-sent"

/** What is wrong with the string. */
export type StringFault =
  | "unsorted"
  | "sorted-ignoring-case"
  | "url-encoded"
  | "empty-kept"
  | "null-kept"
  | "sign-included"
  | "number-rewritten"
  | "boolean-rewritten"
  | "quoted"
  | "json-escaped"
  | "white-space"
  | "value-differs"
  | "missing"
  | "not-sent"
  | "separator"
  | "trailing-separator"
  | "leading-question-mark"
  | "key-appended"
  | "values-only"
  | "json-signed"
  | "other-string"

/** What is wrong with the signature over the string; `secret-right` = nothing. */
export type SignFault =
  | "sign-missing"
  | "sign-not-sent"
  | "secret-right"
  | "wrong-secret"
  | "string-or-secret"
  | "upper-case"
  | "base64"
  | "md5"
  | "sha1"
  | "sha512"
  | "plain-hash"
  | "secret-padded"
  | "swapped"
  | "sign-padded"
  | "not-hex"
