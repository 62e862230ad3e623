/** Where the merchant's string leaves the right one. */
export interface Difference {
  /** From 0, in UTF-8. */
  readonly byte: number
  /** The parameter of the right string that this byte belongs to; null = behind the last. */
  readonly parameter: string | null
  /** The right string from there on, cut. */
  readonly expected: string
  /** The merchant's string from there on, cut. */
  readonly actual: string
}

/** `parameter` is the one at fault where there is one; `given` and `wanted` are texts of the merchant's own. */
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

/** What is wrong with the signature over it; `secret-right` says that nothing is. */
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
