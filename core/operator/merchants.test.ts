import { describe, expect, test } from "bun:test"
import { Effect, Redacted } from "effect"
import { BANK_KEY, operator } from "../../tests/harness/cli.ts"
import { liveSecrets, signingSecret } from "../domain/merchant.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { Vault } from "../secrets/vault.ts"

const { payhub, json, file, inStore } = operator()

describe("merchant", () => {
  const create = (...flags: string[]) => json("merchant", "create", "--name", "茶馆", ...flags)

  test("create prints app_id, app_secret, name, mode and throttle, and stores the secret sealed", async () => {
    const made = await create()
    expect(made).toEqual({
      app_id: expect.stringMatching(/^pk_live_[0-9A-Za-z]{28}$/),
      app_secret: expect.stringMatching(/^sk_live_[0-9A-Za-z]{43}$/),
      name: "茶馆",
      mode: "live",
      throttle: "1/3s"
    })
    const opened = await inStore(
      Effect.gen(function* () {
        const stored = yield* (yield* Merchants).find(made.app_id)
        expect(stored?.secrets[0]?.sealed).not.toContain(made.app_secret)
        return yield* (yield* Vault).open(stored?.secrets[0]?.sealed ?? "", `merchant:${made.app_id}`)
      })
    )
    expect(Redacted.value(opened)).toBe(made.app_secret)
    const test = await create("--test")
    expect([test.mode, test.app_id, test.app_secret]).toEqual([
      "test",
      expect.stringMatching(/^pk_test_/),
      expect.stringMatching(/^sk_test_/)
    ])
  })

  test("create, without --json, says that the secret is not shown again", async () => {
    const { code, out, err } = await payhub("merchant", "create", "--name", "Tea House")
    expect([code, err]).toEqual([0, ""])
    expect(out).toMatch(/^app id +pk_live_\w+\napp secret +sk_live_\w+\nname +Tea House\nmode +live\n/)
    expect(out).toContain("it is not shown again")
  })

  test("create without a throttle says what the gateway's rule means for a shop, and with one does not", async () => {
    const { out } = await payhub("merchant", "create", "--name", "Tea House")
    expect(out).toMatch(/1\/3s for each address.*\n`payhub merchant update pk_live_\w+ --throttle 100\/1s`/)
    const wide = await payhub("merchant", "create", "--name", "Tea House", "--throttle", "100/1s")
    expect(wide.out).not.toContain("PAYHUB_THROTTLE")
    expect((await create("--throttle", "off")).throttle).toBe("off")
  })

  test("the callback_url must follow the contract's rule", async () => {
    const refusal = async (url: string) => {
      const { code, err } = await payhub("merchant", "create", "--name", "x", "--callback-url", url)
      return [code, err.split("\n")[0]]
    }
    expect(await refusal("ftp://shop.example.com/")).toEqual([
      2,
      expect.stringContaining("--callback-url: must be an absolute")
    ])
    expect(await refusal("http://u:p@shop.example.com/")).toEqual([
      2,
      expect.stringContaining("without user and password")
    ])
    expect(await refusal("http://10.0.0.1/")).toEqual([2, expect.stringContaining("PAYHUB_WEBHOOK_ALLOW")])
    expect(await refusal(`http://shop.example.com/${"x".repeat(500)}`)).toEqual([2, expect.stringContaining("512")])
    const { app_id } = await create("--callback-url", "http://localhost:9/hook")
    expect((await json("merchant", "show", app_id)).callback_url).toBe("http://localhost:9/hook")
    expect((await payhub("merchant", "update", app_id, "--callback-url", "http://[::1]/")).code).toBe(2)
  })

  test("list and show print everything but the secrets", async () => {
    const made = await create(
      "--callback-url",
      "https://shop.example.com/hook",
      "--allow-ip",
      "203.0.113.7",
      "--allow-ip",
      "2001:db8::/32",
      "--throttle",
      "100/1s"
    )
    const view = {
      app_id: made.app_id,
      name: "茶馆",
      mode: "live",
      active: true,
      callback_url: "https://shop.example.com/hook",
      allow_ips: ["203.0.113.7", "2001:db8::/32"],
      throttle: "100/1s",
      accounts: null,
      created_at: expect.stringMatching(/^\d{4}-.*Z$/)
    }
    const shown = await json("merchant", "show", made.app_id)
    expect(shown).toEqual({
      ...view,
      secrets: [{ created_at: expect.any(String), expires_at: null, first_used_at: null, signs_webhooks: true }]
    })
    const listed = await json("merchant", "list")
    expect(listed.find(({ app_id }: { app_id: string }) => app_id === made.app_id)).toEqual(view)
    for (const argv of [
      ["merchant", "list"],
      ["merchant", "show", made.app_id]
    ]) {
      for (const flags of [[], ["--json"]]) {
        const { out } = await payhub(...argv, ...flags)
        expect(out).toContain(made.app_id)
        expect(out).not.toContain("sk_")
        expect(out).not.toContain("v1.")
      }
    }
  })

  test("update changes the named settings and leaves the rest; none clears a setting", async () => {
    const { app_id } = await create(
      "--callback-url",
      "https://shop.example.com/hook",
      "--allow-ip",
      "203.0.113.7",
      "--throttle",
      "off"
    )
    const before = await json("merchant", "show", app_id)
    const steps: Array<[string[], object]> = [
      [["--name", "Tea"], { name: "Tea" }],
      [["--callback-url", "https://shop.example.com/2"], { callback_url: "https://shop.example.com/2" }],
      [["--callback-url", "none"], { callback_url: null }],
      [["--allow-ip", "10.0.0.0/8", "--allow-ip", "::1"], { allow_ips: ["10.0.0.0/8", "::1"] }],
      [["--allow-ip", "none"], { allow_ips: [] }],
      [["--throttle", "5/10s"], { throttle: "5/10s" }],
      [["--throttle", "none"], { throttle: null }]
    ]
    let expected = before
    for (const [flags, change] of steps) {
      expected = { ...expected, ...change }
      const { secrets, ...view } = expected
      expect(await json("merchant", "update", app_id, ...flags)).toEqual(view)
      expect(await json("merchant", "show", app_id)).toEqual(expected)
    }
  })

  test("accounts are chosen from those that exist, and none means every account again", async () => {
    const path = file("a.json", { merchantNo: "1", privateKey: BANK_KEY })
    const a = await json("channel", "add", "bank", "--name", "A", "--account", path)
    const b = await json("channel", "add", "bank", "--name", "B", "--account", path)
    const { app_id } = await create("--account", b.id, "--account", a.id)
    expect((await json("merchant", "show", app_id)).accounts).toEqual([b.id, a.id])
    expect((await json("merchant", "update", app_id, "--account", a.id)).accounts).toEqual([a.id])
    expect((await payhub("merchant", "update", app_id, "--account", "acc_none")).code).toBe(1)
    expect((await json("merchant", "update", app_id, "--account", "none")).accounts).toBeNull()
  })

  test("disable and enable", async () => {
    const { app_id } = await create()
    expect((await json("merchant", "disable", app_id)).active).toBe(false)
    expect((await json("merchant", "show", app_id)).active).toBe(false)
    expect((await json("merchant", "enable", app_id)).active).toBe(true)
  })

  describe("reset-secret", () => {
    const secretsOf = (appId: string) =>
      inStore(
        Effect.gen(function* () {
          const vault = yield* Vault
          const stored = yield* (yield* Merchants).find(appId)
          return yield* Effect.forEach(stored?.secrets ?? [], ({ sealed, ...rest }) =>
            Effect.map(vault.open(sealed, `merchant:${appId}`), (secret) => ({ ...rest, secret }))
          )
        })
      )
    const used = (appId: string, secretId: number) =>
      inStore(
        Effect.gen(function* () {
          const merchants = yield* Merchants
          const stored = yield* merchants.find(appId)
          yield* merchants.secretUsed(stored?.merchant.id ?? 0, secretId, new Date())
        })
      )
    const texts = (secrets: Awaited<ReturnType<typeof secretsOf>>) =>
      secrets.map(({ secret }) => Redacted.value(secret))
    const signing = (secrets: Awaited<ReturnType<typeof secretsOf>>) => {
      const chosen = signingSecret(secrets, Date.now())
      return chosen === undefined ? undefined : Redacted.value(chosen.secret)
    }

    test("prints app_id and app_secret and ends the old secret at once", async () => {
      const made = await create("--test")
      const fresh = await json("merchant", "reset-secret", made.app_id)
      expect(fresh).toEqual({ app_id: made.app_id, app_secret: expect.stringMatching(/^sk_test_[0-9A-Za-z]{43}$/) })
      expect(fresh.app_secret).not.toBe(made.app_secret)
      const live = liveSecrets(await secretsOf(made.app_id), Date.now())
      expect(live.map(({ secret }) => Redacted.value(secret))).toEqual([fresh.app_secret])
    })

    test("with an overlap, keeps both secrets, and the old one signs webhooks until the new one is used", async () => {
      const made = await create()
      const [old] = await secretsOf(made.app_id)
      await used(made.app_id, old?.id ?? 0)
      const before = Date.now()
      const fresh = await json("merchant", "reset-secret", made.app_id, "--overlap", "24h")
      const both = await secretsOf(made.app_id)
      expect(texts(both)).toEqual([made.app_secret, fresh.app_secret])
      const endsInMs = (both[0]?.expiresAt?.getTime() ?? 0) - before
      expect(endsInMs).toBeGreaterThanOrEqual(86_400_000)
      expect(endsInMs).toBeLessThan(86_400_000 + 60_000)
      expect(both[1]?.expiresAt).toBeNull()
      expect(signing(both)).toBe(made.app_secret)
      const shown = (await json("merchant", "show", made.app_id)).secrets
      expect(shown.map(({ signs_webhooks }: { signs_webhooks: boolean }) => signs_webhooks)).toEqual([true, false])

      await used(made.app_id, both[1]?.id ?? 0)
      expect(signing(await secretsOf(made.app_id))).toBe(fresh.app_secret)
      const later = (await json("merchant", "show", made.app_id)).secrets
      expect(later.map(({ signs_webhooks }: { signs_webhooks: boolean }) => signs_webhooks)).toEqual([false, true])
    })

    test("without --json, says how long the old secret still works", async () => {
      const made = await create()
      expect((await payhub("merchant", "reset-secret", made.app_id, "--overlap", "30m")).out).toContain("another 30m")
      expect((await payhub("merchant", "reset-secret", made.app_id)).out).toContain("The old one has ended.")
    })
  })
})
