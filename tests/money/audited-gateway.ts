import { afterAll, beforeAll, expect } from "bun:test"
import { randomBytes } from "node:crypto"
import { type Audit, startAudit } from "../harness/audit.ts"
import { type Gateway, type GatewayOptions, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, type Parameters, textOf } from "../harness/merchant-client.ts"
import { nextPushRound } from "../harness/next-push-round.ts"
import { sharedPostgres } from "../harness/postgres.ts"
import {
  addAccount as addAccountAt,
  SCRIPTED_CHANNEL,
  type ScriptedProvider,
  startScriptedProvider
} from "../harness/scripted-provider.ts"
import { startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/*
 * What the suites of this folder share: a gateway on a database of its own, a provider and a merchant's server outside
 * its process, and the audit, which reads the database directly. Every suite ends with the audit.
 */

export interface AuditedGateway {
  readonly gateway: Gateway
  readonly provider: ScriptedProvider
  readonly receiver: WebhookReceiver
  readonly audit: Audit
  readonly databaseUrl: string
  /** A live merchant that the provider's first account serves. */
  readonly shop: MerchantClient
  readonly accountId: string
  /** Adds another account at the provider and returns its id. @param feeRateBp basis points */
  readonly addAccount: (settings?: object, feeRateBp?: number) => Promise<string>
  /** Places an order whose note is the provider's script (harness/scripted-provider.ts). */
  readonly order: (plan?: string, parameters?: Parameters) => Promise<Answer>
  /** Resolves once every push that was due before has arrived (harness/next-push-round.ts). */
  readonly nextPushRound: () => Promise<void>
  readonly close: () => Promise<void>
}

/** 60 basis points: of 1000 fen the merchant gets 994. */
export const FEE_RATE_BP = 60

export const startAuditedGateway = async (options: GatewayOptions = {}): Promise<AuditedGateway> => {
  const databaseUrl = options.databaseUrl ?? (await (await sharedPostgres()).createDatabase())
  let listening: Gateway | undefined
  const provider = await startScriptedProvider(() => listening?.url ?? "")
  const receiver = await startWebhookReceiver()
  const audit = await startAudit(databaseUrl)
  const gateway = await startGateway({
    ...options,
    databaseUrl,
    env: { PAYHUB_CHANNELS: SCRIPTED_CHANNEL, PAYHUB_RECONCILE_SCHEDULE: "1", ...options.env }
  })
  listening = gateway
  const addAccount: AuditedGateway["addAccount"] = (settings = {}, feeRateBp = FEE_RATE_BP) =>
    addAccountAt(gateway, "scripted", { ...provider.account, ...settings }, feeRateBp)
  const accountId = await addAccount()
  const shop = await gateway.merchant({ test: false, accounts: [accountId] })
  const order: AuditedGateway["order"] = (plan = "", parameters = {}) =>
    shop.qrcodePay({ ...(plan === "" ? {} : { note: plan }), ...parameters })
  return {
    gateway,
    provider,
    receiver,
    audit,
    databaseUrl,
    shop,
    accountId,
    addAccount,
    order,
    nextPushRound: () =>
      nextPushRound(receiver, async (notify_url) => {
        const orderNo = orderNoOf(await order("", { notify_url }))
        provider.pay(orderNo)
        await provider.notify(orderNo)
      }),
    close: async () => {
      // A stopping gateway waits for the pushes under way; closing the receiver first ends them.
      await receiver.close()
      await gateway.stop()
      await Promise.all([provider.close(), audit.close()])
    }
  }
}

/** Starts a gateway before the calling suite and audits it afterwards. The result returns it while tests run. */
export const auditedSuite = (options: GatewayOptions = {}): (() => AuditedGateway) => {
  let started: AuditedGateway | undefined
  beforeAll(async () => {
    started = await startAuditedGateway(options)
  })
  afterAll(async () => {
    const breaches = await started?.audit.breaches()
    await started?.close()
    expect(breaches).toEqual([])
  })
  return () => {
    if (started === undefined) throw new Error("the suite's gateway has not started")
    return started
  }
}

/** A random master key, for gateways that share a database. */
export const newMasterKey = (): string => randomBytes(32).toString("base64")

export const orderNoOf = (order: Answer): string => textOf(order, "order_no")

/** The order's status_name as the merchant sees it now. */
export const statusOf = async (shop: MerchantClient, order: Answer): Promise<unknown> =>
  (await shop.orderQuery({ order_no: orderNoOf(order) })).data?.status_name

/** The order as the operator sees it now: status, flags, timeline. */
export const shown = async (gateway: Gateway, order: Answer): Promise<Readonly<Record<string, unknown>>> =>
  gateway.command(["order", "show", orderNoOf(order)])
