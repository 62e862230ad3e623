import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { Effect, Redacted } from "effect"
import { BANK_KEY, operator } from "../../tests/harness/cli.ts"
import { anOrder } from "../../tests/harness/sample-orders.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { Vault } from "../secrets/vault.ts"

const { payhub, json, file, inStore } = operator()

describe("channel", () => {
  const add = (settings: object, ...flags: string[]) =>
    json("channel", "add", "bank", "--name", "Main", "--account", file("account.json", settings), ...flags)

  test("providers shows each provider's codes and the fields of its account file", async () => {
    const providers = await json("channel", "providers")
    expect(providers.map(({ id, test_mode }: { id: string; test_mode: boolean }) => [id, test_mode])).toEqual([
      ["bank", false],
      ["playground", true]
    ])
    expect(providers[0]).toMatchObject({
      codes: ["YINSHENG_QRCODE"],
      fields: ["merchantNo", "privateKey", "keys?", "mood?"],
      products: [{ code: "YINSHENG_QRCODE", name: "银盛聚合扫码", type: "aggregate", flow: "qrcode" }]
    })
    expect(providers[0].account.properties.merchantNo).toMatchObject({ type: "string" })
  })

  test("add stores the account sealed and shows its settings with the secrets redacted", async () => {
    const made = await add(
      { merchantNo: "826", privateKey: BANK_KEY, keys: ["key-one-of-two", "key-two-of-two"] },
      "--fee-rate-bp",
      "38"
    )
    expect(made).toEqual({
      id: expect.stringMatching(/^acc_[0-9a-z]{16}$/),
      provider: "bank",
      name: "Main",
      enabled: true,
      fee_rate_bp: 38,
      notice_url: `http://127.0.0.1:8080/api/notice/${made.id}`,
      created_at: expect.stringMatching(/Z$/),
      settings: { merchantNo: "826", privateKey: "<redacted>", keys: ["<redacted>", "<redacted>"] },
      problem: null
    })
    const listed = await json("channel", "list")
    expect(listed.find(({ id }: { id: string }) => id === made.id)).toEqual(made)
    const people = (await payhub("channel", "list")).out
    expect(people).toContain("privateKey=<redacted>")
    for (const secret of [BANK_KEY, "key-one", "key-two"]) {
      expect(people + JSON.stringify(listed)).not.toContain(secret)
    }
    const stored = await inStore(Effect.flatMap(Accounts, (accounts) => accounts.find(made.id)))
    expect(stored?.sealed).not.toContain(BANK_KEY)
    expect((await add({ merchantNo: "826", privateKey: BANK_KEY })).fee_rate_bp).toBe(0)
  })

  test("add refuses settings that the provider cannot work with, and never quotes a secret", async () => {
    const before = (await json("channel", "list")).length
    const refusal = async (provider: string, content: unknown) => {
      const ran = await payhub("channel", "add", provider, "--name", "x", "--account", file("bad.json", content))
      expect([ran.code, ran.out]).toEqual([1, ""])
      return ran.err
    }
    expect(await refusal("nobody", {})).toBe('no channel provider "nobody" is loaded.\n')
    expect(await refusal("bank", { privateKey: BANK_KEY })).toContain("merchantNo")
    const short = await refusal("bank", { merchantNo: "1", privateKey: "short-secret" })
    expect(short).toContain("privateKey")
    expect(short).not.toContain("short-secret")
    expect(await refusal("bank", { merchantNo: "closed", privateKey: BANK_KEY })).toContain(
      "the merchant number is closed"
    )
    const noJson = await refusal("bank", `{"privateKey": "${BANK_KEY}"`)
    expect(noJson).toContain("is not JSON")
    expect(noJson).not.toContain(BANK_KEY)
    const missing = await payhub(
      "channel",
      "add",
      "bank",
      "--name",
      "x",
      "--account",
      join(file("x", ""), "..", "no-such-file")
    )
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("cannot be read (ENOENT)")])
    expect(
      (await payhub("channel", "add", "bank", "--name", "x", "--account", "f", "--fee-rate-bp", "10001")).code
    ).not.toBe(0)
    expect((await json("channel", "list")).length).toBe(before)
  })

  test("test reports the provider's answer in a sentence, and exits with 1 if it did not accept the account", async () => {
    const outcome = async (mood: string) => {
      const { id } = await add({ merchantNo: "1", privateKey: BANK_KEY, mood })
      const ran = await payhub("channel", "test", id, "--json")
      return [ran.code, JSON.parse(ran.out)]
    }
    expect(await outcome("well")).toEqual([
      0,
      { id: expect.any(String), ok: true, message: expect.stringContaining("accepts the account") }
    ])
    expect(await outcome("unknown-account")).toEqual([
      1,
      { id: expect.any(String), ok: false, message: "Refused: ACCOUNT_NOT_EXIST." }
    ])
    expect(await outcome("silent")).toEqual([
      1,
      { id: expect.any(String), ok: false, message: "The provider did not answer in time." }
    ])
  })

  test("an account that another master key has sealed is listed with its problem, and testing it fails", async () => {
    const id = "acc_sealedelsewhere"
    await inStore(
      Effect.flatMap(Accounts, (accounts) =>
        accounts.create({
          id,
          provider: "bank",
          name: "Old",
          feeRateBp: 0,
          sealed: "v1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        })
      )
    )
    const listed = (await json("channel", "list")).find((account: { id: string }) => account.id === id)
    expect(listed).toMatchObject({ settings: null, problem: expect.stringContaining("PAYHUB_MASTER_KEY") })
    const ran = await payhub("channel", "test", id, "--json")
    expect([ran.code, JSON.parse(ran.out).ok]).toEqual([1, false])
    await json("channel", "remove", id)
  })

  test("update replaces the settings or the rate and leaves the other", async () => {
    const { id } = await add({ merchantNo: "1", privateKey: BANK_KEY, mood: "silent" }, "--fee-rate-bp", "10")
    const changed = await json(
      "channel",
      "update",
      id,
      "--account",
      file("new.json", { merchantNo: "2", privateKey: BANK_KEY })
    )
    expect([changed.settings.merchantNo, changed.fee_rate_bp]).toEqual(["2", 10])
    expect((await json("channel", "update", id, "--fee-rate-bp", "25")).fee_rate_bp).toBe(25)
    expect((await json("channel", "test", id)).ok).toBe(true)
    expect((await payhub("channel", "update", id)).code).toBe(2)
    expect((await payhub("channel", "update", id, "--account", file("new.json", { merchantNo: "3" }))).code).toBe(1)
  })

  test("disable, enable and remove", async () => {
    const { id } = await add({ merchantNo: "1", privateKey: BANK_KEY })
    expect((await json("channel", "disable", id)).enabled).toBe(false)
    expect((await json("channel", "enable", id)).enabled).toBe(true)
    expect(await json("channel", "remove", id)).toEqual({ id, removed: true })
    expect((await json("channel", "list")).map((account: { id: string }) => account.id)).not.toContain(id)
    expect((await payhub("channel", "enable", id)).code).toBe(1)
    const kept = await inStore(Effect.flatMap(Accounts, (accounts) => accounts.find(id)))
    expect(kept?.removed).toBe(true)
  })

  test("remove is refused while the account has PENDING orders, and done once they have ended", async () => {
    const { id } = await add({ merchantNo: "1", privateKey: BANK_KEY })
    const merchant = await json("merchant", "create", "--name", "Shop")
    const orders = await inStore(
      Effect.gen(function* () {
        const owner = yield* (yield* Merchants).find(merchant.app_id)
        const merchantId = owner?.merchant.id ?? 0
        const made = [anOrder({ merchantId, accountId: id }), anOrder({ merchantId, accountId: id })]
        for (const order of made) yield* (yield* Orders).create(order)
        return made
      })
    )
    const end = (order: (typeof orders)[number] | undefined) =>
      inStore(
        Effect.gen(function* () {
          if (order !== undefined) yield* (yield* Orders).end(order, "CLOSED", "expired")
        })
      )
    for (const [count, order] of [
      ["2 PENDING orders", orders[0]],
      ["1 PENDING order,", orders[1]]
    ] as const) {
      const refused = await payhub("channel", "remove", id)
      expect([refused.code, refused.out]).toEqual([1, ""])
      expect(refused.err).toContain(`The account ${id} has ${count}`)
      expect(refused.err).toContain(`payhub channel disable ${id}`)
      expect((await json("channel", "list")).map((account: { id: string }) => account.id)).toContain(id)
      await end(order)
    }
    expect(await json("channel", "remove", id)).toEqual({ id, removed: true })
    expect((await payhub("channel", "remove", id)).code).toBe(1)
  })

  test("the account that test mode needs cannot be removed", async () => {
    await inStore(
      Effect.gen(function* () {
        const sealed = (yield* Vault).seal(
          Redacted.make(JSON.stringify({ merchantNo: "1", privateKey: BANK_KEY })),
          "account:playground"
        )
        yield* (yield* Accounts).create({
          id: "playground",
          provider: "playground",
          name: "Test mode",
          feeRateBp: 60,
          sealed
        })
      })
    )
    const { code, err } = await payhub("channel", "remove", "playground")
    expect([code, err]).toEqual([1, expect.stringContaining("Test-mode merchants need the account")])
    expect((await json("channel", "disable", "playground")).enabled).toBe(false)
  })
})
