import { describe, expect, test } from "bun:test"
import { Redacted } from "effect"
import { openResource } from "./resource.ts"

const API_V3_KEY = "0123456789abcdefghijklmnopqrstuv"
const key = Redacted.make(API_V3_KEY)
const NONCE = "fdasflkja484"
const TEXT = '{"trade_state":"SUCCESS","trade_state_desc":"支付成功"}'

/** Sealed by WebCrypto, another implementation than the one that opens. */
const seal = async (text: string, associatedData: string, nonce = NONCE) => {
  const aes = await crypto.subtle.importKey("raw", Buffer.from(API_V3_KEY), "AES-GCM", false, ["encrypt"])
  const algorithm = { name: "AES-GCM", iv: Buffer.from(nonce), additionalData: Buffer.from(associatedData) }
  const sealed = await crypto.subtle.encrypt(algorithm, aes, Buffer.from(text))
  return {
    algorithm: "AEAD_AES_256_GCM",
    ciphertext: Buffer.from(sealed).toString("base64"),
    nonce,
    associated_data: associatedData
  } as const
}

describe("a resource that WebCrypto sealed", () => {
  test("opens to the text that was sealed", async () => {
    expect(openResource(key, await seal(TEXT, "transaction"))).toBe(TEXT)
  })

  test("opens where its associated data is empty, null or missing", async () => {
    const { associated_data: _, ...bare } = await seal(TEXT, "")
    expect(openResource(key, { ...bare, associated_data: "" })).toBe(TEXT)
    expect(openResource(key, { ...bare, associated_data: null })).toBe(TEXT)
    expect(openResource(key, bare)).toBe(TEXT)
  })

  test("does not open when any byte of it was changed", async () => {
    const resource = await seal(TEXT, "transaction")
    const bytes = Buffer.from(resource.ciphertext, "base64")
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(openResource(key, { ...resource, ciphertext: changed.toString("base64") })).toBeUndefined()
    }
  })

  test.each([
    ["without its padding", (text: string) => text.replace(/=+$/, "")],
    ["with a line end", (text: string) => `${text}\n`],
    ["with a stray character", (text: string) => `${text.slice(0, 8)}*${text.slice(8)}`]
  ])("does not open when it is spelled %s", async (_how, spell) => {
    const resource = await seal(`${TEXT} `, "transaction")
    expect(openResource(key, resource)).toBe(`${TEXT} `)
    const ciphertext = spell(resource.ciphertext)
    expect(ciphertext).not.toBe(resource.ciphertext)
    expect(openResource(key, { ...resource, ciphertext })).toBeUndefined()
  })

  test("does not open with a nonce of another length, though it was sealed with it", async () => {
    for (const nonce of ["short", `${NONCE}0123`]) {
      const resource = await seal(TEXT, "transaction", nonce)
      expect(openResource(key, resource)).toBeUndefined()
    }
  })

  test("does not open with a cut tag, another nonce, other associated data or another key", async () => {
    const resource = await seal(TEXT, "transaction")
    const bytes = Buffer.from(resource.ciphertext, "base64")
    for (const cut of [1, 4, 12, bytes.length]) {
      const ciphertext = bytes.subarray(0, bytes.length - cut).toString("base64")
      expect(openResource(key, { ...resource, ciphertext })).toBeUndefined()
    }
    expect(openResource(key, { ...resource, nonce: "fdasflkja485" })).toBeUndefined()
    expect(openResource(key, { ...resource, nonce: "" })).toBeUndefined()
    expect(openResource(key, { ...resource, associated_data: "certificate" })).toBeUndefined()
    expect(openResource(Redacted.make("x".repeat(32)), resource)).toBeUndefined()
    expect(openResource(Redacted.make("short"), resource)).toBeUndefined()
  })
})
