import { describe, expect, test } from "bun:test"
import { randomBytes } from "node:crypto"
import { Effect, Redacted } from "effect"
import { makeVault } from "./vault.ts"

const vault = makeVault({ current: Redacted.make(randomBytes(32).toString("base64")), others: () => [] })
const TEXT = "a secret of some length."
const sealed = vault.seal(Redacted.make(TEXT), "account:acc_1")
const [version, id, base64 = ""] = sealed.split(".")
const bytes = Buffer.from(base64, "base64")
const open = (text: string, purpose = "account:acc_1") =>
  Effect.runSync(Effect.result(Effect.map(vault.open(text, purpose), Redacted.value)))
const withBytes = (changed: Buffer) => `${version}.${id}.${changed.toString("base64")}`
const REFUSED = { _tag: "Failure", failure: { _tag: "VaultRefused" } }

test("a sealed secret opens for its own purpose only", () => {
  expect(open(sealed)).toMatchObject({ success: TEXT })
  expect(open(sealed, "account:acc_2")).toMatchObject(REFUSED)
})

describe("a sealed secret does not open", () => {
  test("when any of its bytes is changed", () => {
    for (const at of bytes.keys()) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(open(withBytes(changed))).toMatchObject(REFUSED)
    }
  })

  test.each([0, 4, 8, 11, 12, 15, 16, 27, 28])("when only %d bytes of it are left", (length) => {
    expect(open(withBytes(bytes.subarray(0, length)))).toMatchObject(REFUSED)
    expect(open(withBytes(bytes.subarray(-length || bytes.length, -1)))).toMatchObject(REFUSED)
  })

  test.each([
    ["without its padding", sealed.replace(/=+$/, "")],
    ["in the URL's alphabet", sealed.replaceAll("+", "-").replaceAll("/", "_")],
    ["with a line end", `${sealed}\n`],
    ["with a fourth part", `${sealed}.AAAA`],
    ["in another version", sealed.replace(/^v1/, "v2")]
  ])("%s", (_how, text) => {
    if (text !== sealed) expect(open(text)).toMatchObject(REFUSED)
  })
})
