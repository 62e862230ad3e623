import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type Audit, type Breach, startAudit } from "../harness/audit.ts"
import { CRASH_VARIABLE, type Crash, crashText } from "../harness/crashing-gateway.ts"
import { type Gateway, type GatewayOptions, startGateway } from "../harness/gateway.ts"
import type { MerchantClient } from "../harness/merchant-client.ts"
import { type Load, startLoad } from "../harness/order-load.ts"
import { sharedPostgres } from "../harness/postgres.ts"
import {
  addScriptedAccount,
  SCRIPTED_CHANNEL,
  type ScriptedProvider,
  startScriptedProvider
} from "../harness/scripted-provider.ts"
import { isPushSignedWith, type Push, startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/*
 * One gateway that will be hurt, a provider and a merchant's server that will not, and a load that goes on through it.
 * Afterwards `verdict` says what was promised and is not so.
 */

export interface SceneOptions extends GatewayOptions {
  readonly random: () => number
  readonly concurrent?: number
  readonly paceMs?: number
  /** The names by which the gateway reaches its channel and the merchant's server; 127.0.0.1 when absent. */
  readonly hosts?: { readonly channel: string; readonly shop: string }
  /** By how many seconds the clock of the load's merchants is ahead, asked at every call; they may be refused for it. */
  readonly aheadS?: () => number
}

export interface Scene {
  readonly gateway: Gateway
  readonly provider: ScriptedProvider
  readonly shop: MerchantClient
  readonly receiver: WebhookReceiver
  /** Where the load's webhooks go. */
  readonly notifyUrl: string
  readonly load: Load
  /** Starts the gateway again, armed for the next crash or not. */
  readonly restart: (crash?: Crash) => Promise<void>
  /**
   * Ends the load and waits until everything that must come has come, then counts.
   * @param leases what is skipped of leases' time: "reconcile" (and charges) leaves a webhook's 23 s to run out in earnest,
   * "none" leaves all as it is, the times of the next checks too
   */
  readonly verdict: (leases: "none" | "reconcile" | "all") => Promise<Verdict>
  /** Some orders that the provider never took expire, so that reconcile closes them there. */
  readonly expireSome: () => Promise<void>
  readonly close: () => Promise<void>
}

/** The figures of a scene; every list must be empty. */
export interface Verdict {
  readonly placed: number
  readonly acknowledged: number
  readonly paid: number
  readonly delivered: number
  /** Answered 503 (nothing was decided, come again) or 401, and the order is there. */
  readonly refusedYetStored: ReadonlyArray<string>
  /** Acknowledged to the merchant and not in the database. */
  readonly lost: ReadonlyArray<string>
  /** The provider was told "success", and the order was not PAID: at the end, or at a moment when the gateway was dead. */
  readonly forgotten: ReadonlyArray<string>
  /** Paid at the provider and not settled in time. */
  readonly unsettled: ReadonlyArray<string>
  /** PAID, and its webhook did not arrive in time. */
  readonly webhooksMissing: ReadonlyArray<string>
  /** An order that was told in different bytes, under different event ids, unsigned, or without being PAID. */
  readonly webhooksWrong: ReadonlyArray<string>
  /** PAID in the gateway with other money or another trade number than in the provider's book. */
  readonly notInTheBook: ReadonlyArray<string>
  readonly misbehaved: ReadonlyArray<string>
  readonly breaches: ReadonlyArray<Breach>
}

/** After a restart everything paid is delivered this soon. */
export const DELIVERED_WITHIN_MS = 30_000

export const openScene = async (options: SceneOptions): Promise<Scene> => {
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
  // An embedded database listens elsewhere after each start.
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
  const account = await addScriptedAccount(
    gateway,
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

  const verdict: Scene["verdict"] = async (leases) => {
    const deadline = Date.now() + DELIVERED_WITHIN_MS
    await load.stopPlacing()
    let found: Verdict | undefined
    let leasesEnded = false
    while ((found === undefined || !isWell(found)) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      try {
        if (!leasesEnded && leases !== "none") await (await audit()).endLeases(leases)
        leasesEnded = true
        found = await inspect()
      } catch {
        // The database is not back yet.
      }
    }
    await load.stop()
    return { ...(await inspect()), breaches: await (await audit()).breaches() }
  }

  // Reconcile would find these payments by itself: only the dead cannot hide that they acknowledged too early.
  const forgottenAtDeath: Array<string> = []
  const restart: Scene["restart"] = async (crash) => {
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
      notInTheBook: settled
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

/** What every scene must end with. */
export const WELL = {
  refusedYetStored: [],
  lost: [],
  forgotten: [],
  unsettled: [],
  webhooksMissing: [],
  webhooksWrong: [],
  notInTheBook: [],
  misbehaved: [],
  breaches: []
} as const

const isWell = (verdict: Verdict): boolean =>
  Object.keys(WELL).every((name) => (verdict[name as keyof typeof WELL] as ReadonlyArray<unknown>).length === 0)

const allTheSame = (pushes: ReadonlyArray<Push>): boolean => {
  const [first] = pushes
  return pushes.every(
    ({ bytes, headers }) =>
      first !== undefined && bytes.equals(first.bytes) && headers["x-payhub-event"] === first.headers["x-payhub-event"]
  )
}
const signedAll = (secret: string, pushes: ReadonlyArray<Push>): boolean =>
  pushes.every((push) => isPushSignedWith(secret, push))

/** The address of a gateway's embedded database, as its data folder says it. */
const embeddedUrl = (dataFolder: string): string => {
  const folder = join(dataFolder, "postgres")
  const password = readFileSync(join(folder, "payhub.password"), "utf8").trim()
  const port = readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n")[3]?.trim()
  return `postgres://payhub:${password}@127.0.0.1:${port}/postgres`
}
