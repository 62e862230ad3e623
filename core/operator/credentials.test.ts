import { expect, test } from "bun:test"
import { Redacted } from "effect"
import { newAccountId, newAppId, newAppSecret } from "./credentials.ts"

test("credentials have the contract's shape and are never drawn twice", () => {
  for (const mode of ["live", "test"] as const) {
    expect(newAppId(mode)).toMatch(new RegExp(`^pk_${mode}_[0-9A-Za-z]{28}$`))
    expect(Redacted.value(newAppSecret(mode))).toMatch(new RegExp(`^sk_${mode}_[0-9A-Za-z]{43}$`))
  }
  expect(newAccountId()).toMatch(/^acc_[0-9a-z]{16}$/)
  expect(new Set(Array.from({ length: 1000 }, () => newAppId("live"))).size).toBe(1000)
})

test("every character of the alphabet is drawn", () => {
  const drawn = new Set(Array.from({ length: 200 }, () => newAppId("live").slice(8)).join(""))
  expect(drawn.size).toBe(62)
})

test("a secret does not print", () => {
  const secret = newAppSecret("test")
  expect(`${secret} ${JSON.stringify(secret)}`).not.toContain(Redacted.value(secret))
})
