import type { Parameter, Parameters } from "../domain/parameters.ts"

/*
 * Parses the request body of the contract's section 1: one flat JSON object. JSON.parse cannot be used: it takes the
 * last of duplicate keys, rounds large integers, loses how a number was written (the signature covers its text), and
 * its result pollutes prototypes through `__proto__` when it is copied.
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const SPACE = /[ \t\n\r]*/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids raw control characters in strings
const STRING = /"((?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"/y
/** Characters that need the full parser: escapes, characters that JSON forbids, surrogates. Few strings have any. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const NOT_PLAIN = /[\\\u0000-\u001f\ud800-\udfff]/
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORD = /true|false|null/y

/** The parameters of a body, or undefined when it is anything but one flat, well-formed object. */
export const parseFlatJson = (bytes: Uint8Array): Parameters | undefined => {
  try {
    return new FlatReader(decoder.decode(bytes)).read()
  } catch (error) {
    if (error instanceof Malformed || error instanceof TypeError) return undefined
    throw error
  }
}

class Malformed extends Error {}

class FlatReader {
  private at = 0
  private readonly text: string

  constructor(text: string) {
    this.text = text
  }

  read(): Parameters {
    const found = new Map<string, Parameter>()
    this.expect("{")
    if (!this.next("}")) {
      do {
        this.skipSpace()
        const key = this.string()
        if (found.has(key)) throw new Malformed()
        this.expect(":")
        found.set(key, this.value())
      } while (this.next(","))
      this.expect("}")
    }
    this.skipSpace()
    if (this.at !== this.text.length) throw new Malformed()
    return found
  }

  private value(): Parameter {
    this.skipSpace()
    const first = this.text[this.at]
    if (first === '"') return { kind: "string", text: this.string() }
    if (first === "t" || first === "f") return { kind: "boolean", text: this.match(WORD)[0] }
    if (first === "n") {
      this.match(WORD)
      return { kind: "null", text: "" }
    }
    const text = this.match(NUMBER)[0]
    const value = Number(text)
    // Beyond 2^53-1, two integers read as one; a number that overflows a double is a mistake.
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) throw new Malformed()
    return { kind: "number", text }
  }

  private string(): string {
    if (this.text[this.at] === '"') {
      const end = this.text.indexOf('"', this.at + 1)
      const inner = this.text.slice(this.at + 1, end)
      if (end > 0 && !NOT_PLAIN.test(inner)) {
        this.at = end + 1
        return inner
      }
    }
    const [whole, inner] = this.match(STRING)
    const value = inner?.includes("\\") ? (JSON.parse(whole) as string) : (inner ?? "")
    // HMAC reads a lone surrogate as U+FFFD, so two different bodies would have the same signature.
    if (!value.isWellFormed() || value.includes("\u0000")) throw new Malformed()
    return value
  }

  private match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) throw new Malformed()
    this.at = pattern.lastIndex
    return found
  }

  private skipSpace(): void {
    // Most bodies have no white space, and a comparison is cheaper than a pattern.
    if (this.text.charCodeAt(this.at) <= 0x20) this.match(SPACE)
  }

  private next(character: string): boolean {
    this.skipSpace()
    if (this.text[this.at] !== character) return false
    this.at++
    return true
  }

  private expect(character: string): void {
    if (!this.next(character)) throw new Malformed()
  }
}
