import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { canonicalString, hmacSha256, sameDigest } from "./signature.ts"

const KNOWN = {
  secret: "sk_test_secret",
  text: "amount=1000&app_id=pk_live_51H8xK2eZvKYlo2C9xK2eZvKYlo2C&merchant_order_no=ORD20260315001&nonce=a1b2c3d4&notify_url=https://example.com/notify&timestamp=1710489862",
  sign: "4c9f9a10f9ab6c0a7b3e12e811cf3ac456cc3be7344e442d4e591d4d70c74dc9"
}

const pairs = fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), {
  selector: ([key]) => key
})

describe("The canonical string", () => {
  test("and its signature match the contract's example", () => {
    const shuffled = KNOWN.text
      .split("&")
      .reverse()
      .map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string])
    expect(canonicalString([...shuffled, ["sign", KNOWN.sign], ["extra", ""]])).toBe(KNOWN.text)
    expect(hmacSha256(KNOWN.secret, KNOWN.text)).toBe(KNOWN.sign)
  })

  test("does not depend on the order in which parameters were sent", () => {
    fc.assert(
      fc.property(pairs, fc.infiniteStream(fc.nat()), (sent, random) => {
        const shuffled = [...sent].sort(() => (random.next().value % 3) - 1)
        expect(canonicalString(shuffled)).toBe(canonicalString(sent))
      })
    )
  })

  test("is in byte order: upper before lower case, underscore between, astral after the rest", () => {
    const keys = ["\u{1f600}", "b", "a_b", "aB", "ab", "B", "_", "\uff5e", "é"]
    const inBytes = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(canonicalString(keys.map((key) => [key, "1"]))).toBe(inBytes.map((key) => `${key}=1`).join("&"))
    fc.assert(
      fc.property(pairs, (sent) => {
        const expected = sent
          .filter(([key, value]) => key !== "sign" && value !== "")
          .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          .map(([key, value]) => `${key}=${value}`)
          .join("&")
        expect(canonicalString(sent)).toBe(expected)
      })
    )
  })
})

describe("Digests", () => {
  test("are compared as a whole: any changed, missing or added character makes them differ", () => {
    expect(sameDigest(KNOWN.sign, KNOWN.sign)).toBe(true)
    for (let at = 0; at < KNOWN.sign.length; at++) {
      const other = KNOWN.sign[at] === "0" ? "1" : "0"
      expect(sameDigest(KNOWN.sign, KNOWN.sign.slice(0, at) + other + KNOWN.sign.slice(at + 1))).toBe(false)
    }
    for (const given of ["", KNOWN.sign.slice(1), `${KNOWN.sign}0`, KNOWN.sign.toUpperCase(), "é".repeat(32)]) {
      expect(sameDigest(KNOWN.sign, given)).toBe(false)
    }
  })
})
