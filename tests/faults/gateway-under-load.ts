import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type Audit, type Breach, startAudit } from "../harness/audit.ts"
import { CRASH_VARIABLE, type Crash, crashText } from "../harness/crashing-gateway.ts"
import { type Gateway, type GatewayOptions, startGateway } from "../harness/gateway.ts"
import type { MerchantClient } from "../harness/merchant-client.ts"
import { type Load, type Placed, startLoad } from "../harness/order-load.ts"
import { sharedPostgres } from "../harness/postgres.ts"
import {
  addAccount,
  SCRIPTED_CHANNEL,
  type ScriptedProvider,
  startScriptedProvider
} from "../harness/scripted-provider.ts"
import { until } from "../harness/until.ts"
import { isPushSignedWith, type Push, startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/*
 * A gateway that a test will hurt, a provider and a merchant's server that stay well, and a load that goes on throughout.
 * At the end `verdict` lists every promise that was broken.
 */

export interface UnderLoadOptions extends GatewayOptions {
  readonly random: () => number
  readonly concurrent?: number
  readonly paceMs?: number
  /** The names by which the gateway reaches its channel and the merchant's server; default 127.0.0.1. */
  readonly hosts?: { readonly channel: string; readonly shop: string }
  /** Seconds by which the clock of the load's merchants is ahead, read at every call; 401 is then a legal answer. */
  readonly aheadS?: () => number
}

export interface GatewayUnderLoad {
  readonly gateway: Gateway
  readonly provider: ScriptedProvider
  readonly shop: MerchantClient
  readonly receiver: WebhookReceiver
  /** Where the load's webhooks go. */
  readonly notifyUrl: string
  readonly load: Load
  /** Resolves once the gateway has acknowledged `count` more of the load's orders. */
  readonly serves: (count: number) => Promise<void>
  /** Resolves once the gateway has refused `count` more of the load's orders with 503. */
  readonly refuses: (count: number) => Promise<void>
  /** Starts the gateway again, armed for the next crash or not. */
  readonly restart: (crash?: Crash) => Promise<void>
  /**
   * Ends the load, waits up to 30 s until every promise is kept, then counts.
   * @param leases which leases of a dead gateway end at once: "reconcile" ends those of reconcile and of charges and lets a
   * webhook's 23 s run out, "all" ends webhooks' leases too, "none" ends none and leaves the times of the next checks
   */
  readonly verdict: (leases: "none" | "reconcile" | "all") => Promise<Verdict>
  /** Lets some orders expire that the provider never took, so that reconcile closes them there. */
  readonly expireSome: () => Promise<void>
  readonly close: () => Promise<void>
}

/** What a run came to; every list must be empty. */
export interface Verdict {
  readonly placed: number
  readonly acknowledged: number
  readonly paid: number
  readonly delivered: number
  /** Refused with 503 or 401, and yet stored. */
  readonly refusedYetStored: ReadonlyArray<string>
  /** Acknowledged to the merchant, and not in the database. */
  readonly lost: ReadonlyArray<string>
  /** The provider was told "success", and the order was not PAID at the end or while the gateway was dead. */
  readonly forgotten: ReadonlyArray<string>
  /** Paid at the provider and not settled in time. */
  readonly unsettled: ReadonlyArray<string>
  /** PAID, and its webhook did not arrive in time. */
  readonly webhooksMissing: ReadonlyArray<string>
  /** Told in different bytes, under different event ids, unsigned, or without being PAID. */
  readonly webhooksWrong: ReadonlyArray<string>
  /** PAID with another amount or another trade number than the provider has. */
  readonly unlikeProvider: ReadonlyArray<string>
  readonly misbehaved: ReadonlyArray<string>
  readonly breaches: ReadonlyArray<Breach>
}

/** Once the load has ended, every payment is settled and delivered this soon. */
export const DELIVERED_WITHIN_MS = 30_000

/** A fault lasts: how long is what the test is about, and only a clock can tell. */
export const lasts = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export const startUnderLoad = async (options: UnderLoadOptions): Promise<GatewayUnderLoad> => {
  const { random, concurrent = 8, paceMs = 40, aheadS, hosts, ...gatewayOptions } = options
  const databaseUrl = options.databaseUrl ?? (await (await sharedPostgres()).createDatabase())
  let listening: Gateway | undefined
  const provider = await startScriptedProvider(() => listening?.url ?? "http://127.0.0.1:9")
  const receiver = await startWebhookReceiver()
  const gateway = await startGateway({
    preload: join(import.meta.dirname, "../harness/crashing-gateway.ts"),
    ...gatewayOptions,
    databaseUrl,
    env: {
      PAYHUB_CHANNELS: SCRIPTED_CHANNEL,
      PAYHUB_RECONCILE_SCHEDULE: "1",
      PAYHUB_WEBHOOK_SCHEDULE: "1,2,4,8,16",
      ...options.env
    }
  })
  listening = gateway
  // An embedded database may listen in another place after each start.
  const addressNow = () => (databaseUrl === "embedded" ? embeddedUrl(gateway.dataFolder) : databaseUrl)
  let auditedAt = addressNow()
  let opened = await startAudit(auditedAt)
  const audit = async (): Promise<Audit> => {
    if (addressNow() !== auditedAt) {
      await opened.close()
      auditedAt = addressNow()
      opened = await startAudit(auditedAt)
    }
    return opened
  }
  const named = (url: string, host = "127.0.0.1") => url.replace("127.0.0.1", host)
  const account = await addAccount(
    gateway,
    "scripted",
    { ...provider.account, origin: named(provider.origin, hosts?.channel) },
    60
  )
  const shop = await gateway.merchant({ test: false, accounts: [account] })
  const inbox = receiver.inbox()
  const notifyUrl = named(inbox.url, hosts?.shop)
  const load = startLoad({
    ...{ provider, notifyUrl, concurrent, paceMs, random },
    ...(aheadS === undefined ? { shop } : { shop: shop.withClock(aheadS), codes: [401] })
  })

  const more = async (what: string, count: number, counts: (order: Placed) => boolean): Promise<void> => {
    const before = load.placed.filter(counts).length
    const now = () => load.placed.filter(counts).length - before
    await until(`${count} more orders to be ${what}`, () => now() >= count, {
      timeoutMs: 30_000,
      why: () => `(${now()})`
    })
  }

  const verdict: GatewayUnderLoad["verdict"] = async (leases) => {
    const deadline = Date.now() + DELIVERED_WITHIN_MS
    await load.stopPlacing()
    let leasesEnded = false
    const isKept = async (): Promise<boolean> => {
      try {
        if (!leasesEnded && leases !== "none") await (await audit()).endLeases(leases)
        leasesEnded = true
        return isUnbroken(await inspect())
      } catch {
        // The database is not back yet.
        return false
      }
    }
    // Each look reads every order: four in a second leave the machine to the gateway.
    while (!(await isKept()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 250))
    await load.stop()
    return { ...(await inspect()), breaches: await (await audit()).breaches() }
  }

  // Reconcile would find these payments later, so a notice that was acknowledged too early shows only while the gateway
  // is dead.
  const forgottenAtDeath: Array<string> = []
  const restart: GatewayUnderLoad["restart"] = async (crash) => {
    if (gateway.isDead()) {
      const told = load.placed.filter((order) => order.noticeAcknowledged)
      const [first, ...others] = told.map(({ orderNo }) => orderNo ?? "")
      if (first !== undefined && databaseUrl !== "embedded") {
        const rows = await opened.sql<Array<{ order_no: string }>>`
          select order_no from orders where status <> 1 and order_no in ${opened.sql([first, ...others])}`
        forgottenAtDeath.push(...rows.map(({ order_no }) => `${order_no} (at a kill)`))
      }
    }
    await gateway.restart({ [CRASH_VARIABLE]: crash === undefined ? "" : crashText(crash) })
  }

  const inspect = async (): Promise<Verdict> => {
    const rows = await (await audit()).sql<Array<OrderLine>>`
      select order_no, merchant_order_no, status, channel_trade_no, amount_fen::int as amount_fen from orders`
    const byNumber = new Map(rows.map((row) => [row.order_no, row]))
    const stored = new Set(rows.map((row) => row.merchant_order_no))
    const pushes = new Map<string, Array<Push>>()
    for (const push of inbox.pushes) {
      const { order_no } = JSON.parse(push.bytes.toString("utf8")) as { order_no: string }
      pushes.set(order_no, [...(pushes.get(order_no) ?? []), push])
    }
    const acknowledged = load.placed.filter((order) => order.acknowledged)
    const settled = rows.filter(({ status }) => status === 1)
    const trades = new Map(provider.trades().map((trade) => [trade.orderNo, trade]))
    const numbers = (orders: typeof load.placed) => orders.map(({ orderNo, plan }) => `${orderNo} (${plan})`)
    const isPaid = (orderNo: string | undefined) => byNumber.get(orderNo ?? "")?.status === 1
    return {
      placed: load.placed.length,
      acknowledged: acknowledged.length,
      paid: settled.length,
      delivered: settled.filter(({ order_no }) => pushes.has(order_no)).length,
      refusedYetStored: load.placed
        .filter(({ code, merchantOrderNo }) => (code === 503 || code === 401) && stored.has(merchantOrderNo))
        .map(({ merchantOrderNo }) => merchantOrderNo),
      lost: numbers(
        acknowledged.filter(({ orderNo, merchantOrderNo }) => {
          return byNumber.get(orderNo ?? "")?.merchant_order_no !== merchantOrderNo
        })
      ),
      forgotten: [
        ...forgottenAtDeath,
        ...numbers(load.placed.filter((order) => order.noticeAcknowledged && !isPaid(order.orderNo)))
      ],
      unsettled: numbers(load.placed.filter((order) => order.paid && !isPaid(order.orderNo))),
      webhooksMissing: settled.map(({ order_no }) => order_no).filter((orderNo) => !pushes.has(orderNo)),
      webhooksWrong: [...pushes]
        .filter(([orderNo, list]) => !isPaid(orderNo) || !allTheSame(list) || !signedAll(shop.secret, list))
        .map(([orderNo]) => orderNo),
      unlikeProvider: settled
        .filter(({ order_no, amount_fen, channel_trade_no }) => {
          const payment = trades.get(order_no)?.payment
          return payment?.trade_no !== channel_trade_no || payment?.amount_fen !== amount_fen
        })
        .map(({ order_no }) => order_no),
      misbehaved: load.misbehaved,
      breaches: []
    }
  }

  return {
    gateway,
    provider,
    shop,
    receiver,
    notifyUrl,
    load,
    serves: (count) => more("acknowledged", count, (order) => order.acknowledged),
    refuses: (count) => more("refused", count, ({ code }) => code === 503),
    restart,
    verdict,
    expireSome: async () => {
      const never = load.placed.filter(({ plan, orderNo }) => plan === "charge=error" && orderNo !== undefined)
      for (const { orderNo } of never.slice(-5)) await (await audit()).expire(orderNo ?? "")
    },
    close: async () => {
      await load.stop()
      await receiver.close()
      await gateway.stop()
      await Promise.all([provider.close(), opened.close()])
    }
  }
}

interface OrderLine {
  readonly order_no: string
  readonly merchant_order_no: string
  readonly status: number
  readonly channel_trade_no: string | null
  readonly amount_fen: number
}

/** What every run must end with. */
export const NOTHING_BROKEN = {
  refusedYetStored: [],
  lost: [],
  forgotten: [],
  unsettled: [],
  webhooksMissing: [],
  webhooksWrong: [],
  unlikeProvider: [],
  misbehaved: [],
  breaches: []
} as const

const isUnbroken = (verdict: Verdict): boolean =>
  Object.keys(NOTHING_BROKEN).every(
    (name) => (verdict[name as keyof typeof NOTHING_BROKEN] as ReadonlyArray<unknown>).length === 0
  )

const allTheSame = (pushes: ReadonlyArray<Push>): boolean => {
  const [first] = pushes
  return pushes.every(
    ({ bytes, headers }) =>
      first !== undefined && bytes.equals(first.bytes) && headers["x-payhub-event"] === first.headers["x-payhub-event"]
  )
}
const signedAll = (secret: string, pushes: ReadonlyArray<Push>): boolean =>
  pushes.every((push) => isPushSignedWith(secret, push))

/** The address of a gateway's embedded database, read from its data folder. */
const embeddedUrl = (dataFolder: string): string => {
  const folder = join(dataFolder, "postgres")
  const password = readFileSync(join(folder, "payhub.password"), "utf8").trim()
  const [, , , port, socketFolder = ""] = readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n")
  return `postgres://payhub:${password}@${encodeURIComponent(socketFolder)}:${port}/postgres`
}
