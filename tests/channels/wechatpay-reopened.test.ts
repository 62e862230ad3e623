import { afterEach, describe, expect, test } from "bun:test"
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import type { WechatPaySimulator } from "../../channels/protocols/wechatpay-v3/simulator.ts"
import wechatJsapi from "../../channels/wechat-jsapi/index.ts"
import { Channels } from "../../core/cashier/channels.ts"
import { makeOwnUrl, OwnUrl } from "../../core/config/own-url.ts"
import { Accounts, type StoredAccount } from "../../core/pipeline/persistence/accounts.ts"
import { Vault } from "../../core/secrets/vault.ts"
import { cleanUp, house, onCleanup, refOf, requestOf } from "./wechat-jsapi-house.ts"

afterEach(cleanUp)

/** The core's own Channels over one stored account at a simulated WeChat Pay. */
const core = async (wechat: WechatPaySimulator) => {
  const vault = Vault.layer(Redacted.make(Buffer.alloc(32, 7).toString("base64")))
  const accounts = Layer.effect(
    Accounts,
    Effect.map(Vault, ({ seal }) => {
      const stored: StoredAccount = {
        id: "acc_1",
        provider: wechatJsapi.id,
        name: "one",
        enabled: true,
        removed: false,
        feeRateBp: 60,
        sealed: seal(Redacted.make(JSON.stringify(wechat.account())), "account:acc_1"),
        createdAt: new Date(0)
      }
      const one = Effect.succeed(stored)
      const all = Effect.succeed([stored])
      return Accounts.of({
        find: () => one,
        list: () => all,
        listAll: () => all,
        create: () => one,
        change: () => one,
        remove: () => Effect.succeed("removed" as const),
        reseal: () => Effect.void
      })
    })
  )
  const urls = Layer.succeed(
    OwnUrl,
    makeOwnUrl(() => ({ publicUrl: "https://pay.example.com", localUrl: "http://127.0.0.1:1" }))
  )
  const services = Channels.layer([wechatJsapi]).pipe(
    Layer.provide(Layer.provideMerge(accounts, vault)),
    Layer.provide(urls)
  )
  const runtime = ManagedRuntime.make(services)
  onCleanup(() => runtime.dispose())
  return runtime
}
type Core = Awaited<ReturnType<typeof core>>

/** The account as it is once the cache has let go of it. */
const reread = (runtime: Core) =>
  runtime.runPromise(
    Effect.gen(function* () {
      const channels = yield* Channels
      channels.forget("acc_1")
      const account = yield* channels.open("acc_1")
      return account ?? (yield* Effect.die("acc_1 does not open"))
    })
  )
const downloads = ({ calls }: WechatPaySimulator): number =>
  calls.filter((call) => call === "GET /v3/certificates").length

describe("an account that the core reads again and again", () => {
  test("downloads WeChat Pay's certificates once", async () => {
    const { wechat } = await house()
    const runtime = await core(wechat)
    for (let time = 0; time < 3; time++) {
      const { act, channel } = await reread(runtime)
      const request = requestOf({ noticeUrl: "http://127.0.0.1:1/notice", channel })
      await runtime.runPromise(act(() => channel.charge(request), []))
    }
    expect(downloads(wechat)).toBe(1)
  })

  test("downloads no more often for forged serials than an account that stays in the cache", async () => {
    const { wechat } = await house()
    const runtime = await core(wechat)
    const { act, channel } = await reread(runtime)
    const request = requestOf({ noticeUrl: "http://127.0.0.1:1/notice", channel })
    await runtime.runPromise(act(() => channel.charge(request), []))
    for (let time = 0; time < 5; time++) {
      const again = await reread(runtime)
      wechat.inject({ fault: "unknown-serial" })
      await runtime.runPromise(Effect.result(again.act(() => again.channel.query(refOf(request)), [])))
    }
    expect(downloads(wechat)).toBe(1)
  })
})
