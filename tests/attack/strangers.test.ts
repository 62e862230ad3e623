import { expect, setDefaultTimeout, test } from "bun:test"
import { Context, Effect, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { takeNotice } from "../../core/cashier/notice.ts"
import { newPayToken, payTokenHash } from "../../core/cashier/pay-token.ts"
import { canonicalString, hmacSha256 } from "../../core/domain/signature.ts"
import { MerchantDirectory } from "../../core/pipeline/auth/merchant-directory.ts"
import { Accounts } from "../../core/pipeline/persistence/accounts.ts"
import { Merchants } from "../../core/pipeline/persistence/merchants.ts"
import { Orders } from "../../core/pipeline/persistence/orders.ts"
import type { Persistence } from "../../core/pipeline/persistence/persistence.ts"
import { StoreSignals } from "../../core/pipeline/persistence/store-signals.ts"
import { bookNotice } from "../harness/bookkeeper.ts"
import { type Core, openCore, paymentOf, STARTED_AT } from "../harness/in-process-gateway.ts"
import { memoryPersistence } from "../harness/memory-persistence/index.ts"
import { perTest } from "../harness/per-test.ts"

/* What somebody without credentials can make the gateway ask its store, count and write. */

setDefaultTimeout(30_000)

interface Asked {
  /** The app_ids, accounts and pay tokens' hashes that the store was asked for. */
  readonly asked: Array<string>
  readonly core: Core
  readonly close: () => Promise<void>
}

const open = async (): Promise<Asked> => {
  const asked: Array<string> = []
  const noting =
    <A>(find: (key: string) => A) =>
    (key: string): A => {
      asked.push(key)
      return find(key)
    }
  const persistence = Layer.effectContext(
    Effect.map(Effect.context<Persistence>(), (all) => {
      const merchants = Context.get(all, Merchants)
      const accounts = Context.get(all, Accounts)
      const orders = Context.get(all, Orders)
      return all.pipe(
        Context.add(Merchants, { ...merchants, find: noting(merchants.find) }),
        Context.add(Accounts, { ...accounts, find: noting(accounts.find) }),
        Context.add(Orders, { ...orders, findByTokenHash: noting(orders.findByTokenHash) })
      )
    })
  ).pipe(Layer.provide(memoryPersistence().layer))
  const core = await openCore({
    persistence,
    clock: TestClock.layer(),
    // The test's own address, so that it can choose another.
    env: { PAYHUB_TRUSTED_PROXIES: "0.0.0.0" }
  })
  await core.run(TestClock.setTime(STARTED_AT.getTime()))
  asked.length = 0
  return { asked, core, close: core.close }
}

const gateway = perTest(open)

const OURS = "203.0.113.7"
const THEIRS = "203.0.113.8"

const answered = async (response: Response) => ({
  status: response.status,
  retryAfter: response.headers.get("retry-after"),
  body: await response.text()
})

/** Calls order-query as a merchant; the secret is right. */
const query = async (appId: string, address: string) => {
  const { core } = gateway()
  const nowMs = await core.run(Effect.clockWith((clock) => Effect.succeed(clock.currentTimeMillisUnsafe())))
  const fields = {
    app_id: appId,
    merchant_order_no: "none",
    nonce: crypto.randomUUID().replaceAll("-", ""),
    timestamp: String(Math.floor(nowMs / 1000))
  }
  const body = JSON.stringify({
    ...fields,
    sign: hmacSha256("sk_live_secret", canonicalString(Object.entries(fields)))
  })
  const headers = { "content-type": "application/json", "x-forwarded-for": address }
  return answered(await core.fetch("/api/cashier/order-query", { method: "POST", headers, body }))
}

const notify = async (accountId: string, address: string) => {
  const headers = { "content-type": "application/json", "x-forwarded-for": address }
  return answered(await gateway().core.fetch(`/api/notice/${accountId}`, { method: "POST", headers, body: "{}" }))
}

const pass = (seconds: number) => gateway().core.run(TestClock.adjust(`${seconds} seconds`))
const statuses = (answers: ReadonlyArray<{ readonly status: number }>) => answers.map(({ status }) => status)
const times = async <A>(count: number, act: (i: number) => Promise<A>): Promise<ReadonlyArray<A>> => {
  const all: Array<A> = []
  for (let i = 0; i < count; i++) all.push(await act(i))
  return all
}
const invented = (i: number) => `pk_live_invented${String(i).padStart(8, "0")}`

test("an unknown app_id asks the store once in 5 s, however often it calls", async () => {
  const { asked } = gateway()
  expect(statuses(await times(200, () => query(invented(0), OURS)))).toEqual(Array(200).fill(401))
  expect(asked).toEqual([invented(0)])
  await pass(5)
  expect((await query(invented(0), OURS)).status).toBe(401)
  expect(asked).toEqual([invented(0), invented(0)])
})

test("an address that invents app_ids asks the store 60 times in 10 s, then gets 429", async () => {
  const { asked } = gateway()
  const answers = await times(100, (i) => query(invented(i), OURS))
  expect(statuses(answers)).toEqual([...Array(60).fill(401), ...Array(40).fill(429)])
  expect(answers[99]?.retryAfter).toBe("10")
  expect(asked.length).toBe(60)
  expect((await query(invented(100), THEIRS)).status).toBe(401)
  await pass(10)
  expect((await query(invented(101), OURS)).status).toBe(401)
})

test("a text that cannot be an app_id asks nothing and counts for nothing", async () => {
  expect(statuses(await times(100, (i) => query(`shop ${i}`, OURS)))).toEqual(Array(100).fill(401))
  expect(gateway().asked).toEqual([])
})

test("a merchant behind an address that invents app_ids goes on, also when its cached entry has ended", async () => {
  const { core } = gateway()
  expect((await query(core.merchant.appId, OURS)).status).toBe(404)
  await pass(60)
  expect((await times(100, (i) => query(invented(i), OURS))).at(-1)?.status).toBe(429)
  expect((await query(core.merchant.appId, OURS)).status).toBe(404)
})

test("lookups that find somebody count for nothing: a hundred merchants may begin behind one address at once", async () => {
  const { core } = gateway()
  await times(100, (i) => core.addMerchant(`pk_live_shop${String(i).padStart(8, "0")}`))
  const answers = await times(100, (i) => query(`pk_live_shop${String(i).padStart(8, "0")}`, OURS))
  expect(statuses(answers)).toEqual(Array(100).fill(404))
})

test("a merchant that was asked for before it was made is served as soon as it is", async () => {
  const { core } = gateway()
  await core.run(
    Effect.gen(function* () {
      const directory = yield* MerchantDirectory
      yield* (yield* StoreSignals).listen((signal) => {
        if (signal.kind === "merchant") directory.forget(signal.id)
      })
    })
  )
  expect((await query(invented(0), OURS)).status).toBe(401)
  await core.addMerchant(invented(0))
  expect((await query(invented(0), OURS)).status).toBe(404)
})

test("notices to invented accounts ask the store 60 times in 10 s, and a known account's are heard all the same", async () => {
  const { asked } = gateway()
  expect(statuses(await times(50, () => notify("acc_gone", OURS)))).toEqual(Array(50).fill(404))
  expect(asked).toEqual(["acc_gone"])
  const answers = await times(100, (i) => notify(`acc_${1_000 + i}`, OURS))
  expect(statuses(answers)).toEqual([...Array(59).fill(404), ...Array(41).fill(429)])
  expect((await notify("acc_1", THEIRS)).status).not.toBe(429)
  expect((await notify("acc_1", OURS)).status).not.toBe(429)
})

test("a thousand forged notices write one line", async () => {
  const { core } = gateway()
  const order = await core.order()
  const lines: Array<unknown> = []
  const logger = Logger.layer([Logger.make(({ message }) => void lines.push(message))])
  const sent = bookNotice(order.orderNo, paymentOf(order), "a forgery")
  const heard = takeNotice({ accountId: "acc_1", sent }).pipe(Effect.provide(logger))
  for (let i = 0; i < 1_000; i++) expect((await core.run(heard))?.body).toBe("fail")
  expect(lines.length).toBe(1)
})

const TOKEN_DOORS = ["/api/cashier/pay-state", "/wechat-pay-invoke.html", "/api/cashier/jsapi-pay-info"] as const

const openToken = async (door: (typeof TOKEN_DOORS)[number], token: string, address: string) => {
  const { core } = gateway()
  const headers = { "content-type": "application/json", "x-forwarded-for": address }
  if (door !== "/api/cashier/jsapi-pay-info") return answered(await core.fetch(`${door}?token=${token}`, { headers }))
  const body = JSON.stringify({ pay_token: token, openid: "o1" })
  return answered(await core.fetch(door, { method: "POST", headers, body }))
}

const orderWithToken = async (token: string) => {
  const jsapi = { tokenHash: payTokenHash(token), payUntil: new Date(STARTED_AT.getTime() + 600_000) }
  await gateway().core.order({ jsapi: { ...jsapi, openid: null, appId: null, miniProgram: false } })
}

test.each(TOKEN_DOORS)(
  "an address that invents pay tokens asks the store 60 times in 10 s at %s, then gets 429",
  async (door) => {
    const { asked } = gateway()
    expect((await openToken(door, "no token at all", OURS)).status).toBe(400)
    expect(asked).toEqual([])
    const answers = await times(100, (i) => openToken(door, `pt_${String(i).padStart(32, "0")}`, OURS))
    expect(statuses(answers)).toEqual([...Array(60).fill(400), ...Array(40).fill(429)])
    expect(answers[99]?.retryAfter).toBe("10")
    expect(asked.length).toBe(60)
  }
)

test("a payer behind such an address goes on; one whose token is older than the mark does elsewhere", async () => {
  const { core } = gateway()
  const token = await core.run(newPayToken)
  const older = "pt_3q2-7wAAq83vASNFZ4mrze8BI0VniavN"
  await orderWithToken(token)
  await orderWithToken(older)
  await times(100, (i) => openToken("/api/cashier/pay-state", `pt_${String(i).padStart(32, "0")}`, OURS))
  expect((await openToken("/api/cashier/pay-state", token, OURS)).status).toBe(200)
  expect(statuses(await times(10, () => openToken("/api/cashier/pay-state", older, THEIRS)))).toEqual(
    Array(10).fill(200)
  )
})
