import { describe, expect, test } from "bun:test"
import { createPublicKey } from "node:crypto"
import { Redacted } from "effect"
import { CERTIFICATES_FRESH_MS, DOWNLOAD_GAP_MS, PlatformKeys } from "./certificates.ts"
import { signText } from "./sign.ts"
import { newCertificate, type SimulatedCertificate, sealResource } from "./simulator-keys.ts"

const API_V3_KEY = "0123456789abcdefghijklmnopqrstuv"
const apiV3Key = Redacted.make(API_V3_KEY)
const NOW_MS = Date.parse("2026-03-15T02:00:00Z")
const years = (count: number) => new Date(NOW_MS + count * 365 * 86_400_000)
const current = newCertificate("current", years(-1), years(4))
const next = newCertificate("next", years(-0.01), years(5))
const expired = newCertificate("expired", years(-6), years(-1))
const future = newCertificate("future", years(1), years(6))

const signed = (signer: SimulatedCertificate, body: string, nowMs = NOW_MS) => {
  const timestamp = String(Math.floor(nowMs / 1000))
  const headers: Record<string, string> = {
    "wechatpay-timestamp": timestamp,
    "wechatpay-nonce": "n",
    "wechatpay-signature": signText(signer.privateKey, `${timestamp}\nn\n${body}\n`),
    "wechatpay-serial": signer.serial
  }
  return { headers, body: Buffer.from(body), nowMs }
}
const listOf = (
  certificates: ReadonlyArray<SimulatedCertificate>,
  serialOf = (it: SimulatedCertificate) => it.serial
) =>
  JSON.stringify({
    data: certificates.map((certificate) => ({
      serial_no: serialOf(certificate),
      encrypt_certificate: sealResource(API_V3_KEY, certificate.certificatePem, "certificate")
    }))
  })
const accepted = (
  keys: PlatformKeys,
  certificates: ReadonlyArray<SimulatedCertificate>,
  signer: SimulatedCertificate
) => keys.accept({ ...signed(signer, listOf(certificates)), apiV3Key })
const judge = (keys: PlatformKeys, signer: SimulatedCertificate) => {
  const { headers, body, nowMs } = signed(signer, "{}")
  return keys.verify(headers, body, nowMs)
}

describe("a list of platform certificates", () => {
  test("is accepted when one of its own certificates signed it; all valid ones verify from then on", () => {
    const keys = new PlatformKeys(new Map(), true)
    expect(keys.isEmpty).toBe(true)
    expect(accepted(keys, [current, next], current)).toBe("accepted")
    expect([judge(keys, current), judge(keys, next)]).toEqual(["valid", "valid"])
  })

  test("is taken when a pinned key signed it", () => {
    const keys = new PlatformKeys(new Map([[next.serial, createPublicKey(next.publicKeyPem)]]), true)
    expect(accepted(keys, [current], next)).toBe("accepted")
    expect(judge(keys, current)).toBe("valid")
  })

  test("does not make expired or future certificates valid, and they cannot sign the list", () => {
    const keys = new PlatformKeys(new Map(), true)
    expect(accepted(keys, [current, expired, future], current)).toBe("accepted")
    expect([judge(keys, expired), judge(keys, future)]).toEqual(["unknown-serial", "unknown-serial"])
    expect(accepted(keys, [current, expired], expired)).toBe("unknown-serial")
  })

  test("replaces the list before it: a certificate that is missing no longer verifies", () => {
    const keys = new PlatformKeys(new Map(), true)
    accepted(keys, [current], current)
    accepted(keys, [next], next)
    expect(judge(keys, current)).toBe("unknown-serial")
  })

  test("is refused under another APIv3 key, with another certificate's serial, unsigned, stale or changed", () => {
    const keys = new PlatformKeys(new Map(), true)
    const answer = signed(current, listOf([current]))
    expect(keys.accept({ ...answer, apiV3Key: Redacted.make("x".repeat(32)) })).toBe("unreadable")
    const renamed = signed(
      current,
      listOf([current], () => next.serial)
    )
    expect(keys.accept({ ...renamed, apiV3Key })).toBe("unreadable")
    expect(keys.accept({ ...answer, headers: {}, apiV3Key })).toBe("unsigned")
    expect(keys.accept({ ...answer, nowMs: NOW_MS + 301_000, apiV3Key })).toBe("stale")
    expect(keys.accept({ ...answer, body: Buffer.concat([answer.body, Buffer.from(" ")]), apiV3Key })).toBe("forged")
    expect(keys.isEmpty).toBe(true)
  })

  test("is not taken when it is empty and nothing is pinned", () => {
    const keys = new PlatformKeys(new Map(), true)
    expect(accepted(keys, [], current)).toBe("unknown-serial")
  })
})

describe("a download is due", () => {
  test("at first, then after twelve hours", () => {
    const keys = new PlatformKeys(new Map(), true)
    expect(keys.downloadDue(NOW_MS)).toBe(true)
    keys.downloadTried(NOW_MS)
    accepted(keys, [current], current)
    expect(keys.downloadDue(NOW_MS + CERTIFICATES_FRESH_MS - 1)).toBe(false)
    expect(keys.downloadDue(NOW_MS + CERTIFICATES_FRESH_MS)).toBe(true)
  })

  test("when an unknown certificate serial turns up, but no sooner than a minute after the last try", () => {
    const keys = new PlatformKeys(new Map(), true)
    keys.downloadTried(NOW_MS)
    accepted(keys, [current], current)
    judge(keys, next)
    expect(keys.downloadDue(NOW_MS + DOWNLOAD_GAP_MS - 1)).toBe(false)
    expect(keys.downloadDue(NOW_MS + DOWNLOAD_GAP_MS)).toBe(true)
  })

  test("again after five seconds while there is no key at all: no order can be sent until one is there", () => {
    const keys = new PlatformKeys(new Map(), true)
    keys.downloadTried(NOW_MS)
    expect(keys.downloadDue(NOW_MS + 4_999)).toBe(false)
    expect(keys.downloadDue(NOW_MS + 5_000)).toBe(true)
  })

  test("neither for unknown PUB_KEY_IDs nor for forgeries under known serials: a download would not help", () => {
    const keys = new PlatformKeys(new Map(), true)
    keys.downloadTried(NOW_MS)
    accepted(keys, [current], current)
    judge(keys, { ...current, serial: "PUB_KEY_ID_0119000000012026" })
    judge(keys, { ...next, serial: current.serial })
    expect(keys.downloadDue(NOW_MS + DOWNLOAD_GAP_MS)).toBe(false)
  })

  test("never for an account that pins its keys", () => {
    const keys = new PlatformKeys(new Map([[current.serial, createPublicKey(current.publicKeyPem)]]), false)
    judge(keys, next)
    expect(keys.downloadDue(NOW_MS + CERTIFICATES_FRESH_MS)).toBe(false)
  })
})
