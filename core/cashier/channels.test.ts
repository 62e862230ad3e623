import { describe, expect, test } from "bun:test"
import { Effect, Redacted } from "effect"
import { openInProcessGateway } from "../../tests/harness/in-process-gateway.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { Vault } from "../secrets/vault.ts"
import { Channels } from "./channels.ts"

const gateway = perTest(() => openInProcessGateway({ accounts: [{ id: "acc_1" }, { id: "acc_2" }] }))

const opened = async () => {
  const account = await gateway().run(Effect.flatMap(Channels, (channels) => channels.open("acc_1")))
  if (account === null) throw new Error("acc_1 does not open")
  return account
}
const forget = (id?: string) => gateway().run(Effect.map(Channels, (channels) => channels.forget(id)))
const change = (terms: Parameters<Accounts["Service"]["change"]>[1]) =>
  gateway().run(Effect.flatMap(Accounts, (accounts) => accounts.change("acc_1", terms)))
const reseal = (settings: object) =>
  gateway().run(
    Effect.gen(function* () {
      const sealed = (yield* Vault).seal(Redacted.make(JSON.stringify(settings)), "account:acc_1")
      yield* (yield* Accounts).reseal("acc_1", sealed)
    })
  )

describe("an opened account", () => {
  test("stays open while its settings stay, however often it is read again", async () => {
    const { channel } = await opened()
    await gateway().advance("31 seconds")
    expect((await opened()).channel).toBe(channel)
    await forget("acc_1")
    expect((await opened()).channel).toBe(channel)
    await forget()
    expect((await opened()).channel).toBe(channel)
  })

  test("shows its new fee, and that it is disabled or removed, once it is forgotten", async () => {
    const { channel } = await opened()
    expect(await opened()).toMatchObject({ feeRateBp: 60, enabled: true })
    await change({ feeRateBp: 38 })
    await forget("acc_1")
    expect(await opened()).toMatchObject({ feeRateBp: 38, enabled: true })
    await change({ enabled: false })
    await forget("acc_1")
    expect(await opened()).toMatchObject({ enabled: false })
    await change({ enabled: true })
    await gateway().run(Effect.flatMap(Accounts, (accounts) => accounts.remove("acc_1")))
    await forget("acc_1")
    expect(await opened()).toMatchObject({ enabled: false })
    expect((await opened()).channel).toBe(channel)
  })

  test("is opened again with new settings: at once when it is forgotten, else within half a minute", async () => {
    const first = await opened()
    await reseal({ name: "second", closes: true })
    expect((await opened()).channel).toBe(first.channel)
    await forget("acc_1")
    const second = await opened()
    expect(second.channel).not.toBe(first.channel)
    expect(second.settings).toMatchObject({ name: "second" })
    await reseal({ name: "third", closes: true })
    await gateway().advance("31 seconds")
    expect((await opened()).settings).toMatchObject({ name: "third" })
  })

  test("that cannot be opened with its new settings is not served with the old ones", async () => {
    await opened()
    await reseal({ name: 7 })
    await forget("acc_1")
    await expect(opened()).rejects.toThrow("does not open")
    await reseal({ name: "mended", closes: true })
    await forget("acc_1")
    expect((await opened()).settings).toMatchObject({ name: "mended" })
  })
})
