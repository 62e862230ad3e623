import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { startAudit } from "../harness/audit.ts"
import { startGateway } from "../harness/gateway.ts"
import {
  type Answers,
  NAME_SERVER_HOW,
  type NameServer,
  nameServersAllowed,
  startNameServer
} from "../harness/name-server.ts"
import { actAsPayer } from "../harness/payer.ts"
import { sharedPostgres } from "../harness/postgres.ts"
import { requireTool } from "../harness/require-tool.ts"
import { seeded } from "../harness/seeded.ts"
import { startTcpProxy } from "../harness/tcp-proxy.ts"
import { until } from "../harness/until.ts"
import { startWebhookReceiver } from "../harness/webhook-receiver.ts"
import { type GatewayUnderLoad, NOTHING_BROKEN, startUnderLoad } from "./gateway-under-load.ts"

/* The names of the channel, the merchants' servers and the database stop resolving while the gateway works. */

setDefaultTimeout(120_000)

const withNames = requireTool({
  ...{ name: "the right to mount", found: await nameServersAllowed() },
  ...{ suite: "tests/faults/dns", how: NAME_SERVER_HOW }
})

const [CHANNEL, SHOP, DATABASE] = ["channel.test", "shop.test", "database.test"]

/** The number of ordinary orders that were answered with this code. */
const answered = ({ load }: GatewayUnderLoad, code: number) =>
  load.placed.filter((order) => order.code === code && order.plan === "").length

/**
 * Makes a name stop resolving and waits until the gateway has met the fault. Of silence it is enough that the name was
 * asked for, because who asks then waits for seconds.
 */
const stopsResolving = async (
  names: NameServer,
  name: string,
  answers: Answers,
  meets: { readonly what: string; readonly count: () => number | Promise<number> }
): Promise<void> => {
  const count = () => (answers === "silence" ? names.asked(name) : meets.count())
  const before = await count()
  names.set(name, answers)
  await until(`${name}: ${meets.what}`, async () => (await count()) > before)
}

describe.skipIf(!withNames).concurrent("names that do not resolve", () => {
  test("under load lose nothing, whether the name server fails, knows no such name or is silent", async () => {
    const databaseUrl = await (await sharedPostgres()).createDatabase()
    const names = await startNameServer({ resolv: "options timeout:1 attempts:1" })
    const proxy = await startTcpProxy(() => Number(new URL(databaseUrl).port))
    const named = new URL(databaseUrl)
    named.host = `${DATABASE}:${proxy.port}`
    const underLoad = await startUnderLoad({
      ...{ databaseUrl, hosts: { channel: CHANNEL, shop: SHOP }, random: seeded(61), concurrent: 4 },
      through: [...names.through, "env", `DATABASE_URL=${named.href}`]
    })
    const audit = await startAudit(databaseUrl)
    const unsent = {
      what: "a webhook that is not sent",
      count: async () => (await audit.sql`select from attempts where status is null`).count
    }
    const refused = { what: "an order that the channel is not told of", count: () => answered(underLoad, 400) }
    const unstored = () => answered(underLoad, 503)
    try {
      for (const answers of ["failure", "unknown", "silence"] as const) {
        await stopsResolving(names, SHOP, answers, unsent)
        await stopsResolving(names, CHANNEL, answers, refused)
        for (const name of [SHOP, CHANNEL]) names.set(name, "well")
        const before = unstored()
        names.set(DATABASE, answers)
        proxy.cut()
        await until("an order that is not stored", () => unstored() > before)
        names.set(DATABASE, "well")
        await until("an order", async () => (await underLoad.shop.qrcodePay()).code === 200)
      }
      const verdict = await underLoad.verdict("all")
      expect(verdict).toMatchObject(NOTHING_BROKEN)
      expect(verdict.paid).toBeGreaterThan(5)
      expect(underLoad.load.broken()).toBe(0)
    } finally {
      await audit.close()
      await underLoad.close()
      await proxy.close()
      await names.close()
    }
  })

  test("because their server is silent hold up no webhook to another name, however that name is resolved", async () => {
    const names = await startNameServer({ resolv: "search inner.test", hosts: "127.0.0.1 pinned.test" })
    const receiver = await startWebhookReceiver()
    const gateway = await startGateway({ through: names.through })
    try {
      const shop = await gateway.merchant()
      const silent = Array.from({ length: 40 }, (_, index) => `silent${index}.test`)
      for (const name of silent) names.set(name, "silence")
      await Promise.all(
        silent.map(async (name) => actAsPayer(await shop.qrcodePay({ notify_url: `http://${name}/notify` })))
      )
      await until("the names to be asked for", () => silent.some((name) => names.asked(name) > 0))
      // shop.test resolves in DNS, pinned.test in the hosts file, and app.ns in the search domain only.
      names.set("pinned.test", "silence")
      names.set("app.ns", "unknown")
      const paidAt = Date.now()
      for (const name of [SHOP, "pinned.test", "app.ns"]) {
        const inbox = receiver.inbox()
        await actAsPayer(await shop.qrcodePay({ notify_url: inbox.url.replace("127.0.0.1", name) }))
        await inbox.waitFor(1)
      }
      expect(Date.now() - paidAt).toBeLessThan(3_000)
      expect(names.asked("pinned.test")).toBe(0)
      expect(names.asked("app.ns.inner.test")).toBeGreaterThan(0)
    } finally {
      // A gateway that is told to stop waits for its pushes.
      await gateway.kill()
      await gateway.stop()
      await receiver.close()
      await names.close()
    }
  })
})
