import { afterAll, beforeAll, expect } from "bun:test"
import { randomBytes } from "node:crypto"
import { type Audit, startAudit } from "../harness/audit.ts"
import { type Gateway, type GatewayOptions, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, type Parameters, textOf } from "../harness/merchant-client.ts"
import { sharedPostgres } from "../harness/postgres.ts"
import {
  addScriptedAccount,
  SCRIPTED_CHANNEL,
  type ScriptedProvider,
  startScriptedProvider
} from "../harness/scripted-provider.ts"
import { startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/*
 * What the suites of this folder share: a gateway on a database of its own, a provider and a merchant's server outside
 * it, and the audit that looks behind its back. Every suite ends with the audit.
 */

export interface Till {
  readonly gateway: Gateway
  readonly provider: ScriptedProvider
  readonly receiver: WebhookReceiver
  readonly audit: Audit
  readonly databaseUrl: string
  /** A live merchant, served by the provider's first account. */
  readonly shop: MerchantClient
  readonly accountId: string
  /** A further account at the provider. @param feeRateBp basis points */
  readonly addAccount: (settings?: object, feeRateBp?: number) => Promise<string>
  /** An order whose note is the provider's script (harness/scripted-provider.ts). */
  readonly order: (plan?: string, parameters?: Parameters) => Promise<Answer>
  readonly close: () => Promise<void>
}

/** 0.60 %: 1000 fen leave 994. */
export const FEE_RATE_BP = 60

export const openTill = async (options: GatewayOptions = {}): Promise<Till> => {
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
  const addAccount: Till["addAccount"] = (settings = {}, feeRateBp = FEE_RATE_BP) =>
    addScriptedAccount(gateway, { ...provider.account, ...settings }, feeRateBp)
  const accountId = await addAccount()
  const shop = await gateway.merchant({ test: false, accounts: [accountId] })
  return {
    gateway,
    provider,
    receiver,
    audit,
    databaseUrl,
    shop,
    accountId,
    addAccount,
    order: (plan = "", parameters = {}) => shop.qrcodePay({ ...(plan === "" ? {} : { note: plan }), ...parameters }),
    close: async () => {
      // The gateway waits for pushes under way; a receiver that is gone ends them.
      await receiver.close()
      await gateway.stop()
      await Promise.all([provider.close(), audit.close()])
    }
  }
}

/** A till for a suite, opened before it and audited after it. */
export const suiteTill = (options: GatewayOptions = {}): (() => Till) => {
  let till: Till | undefined
  beforeAll(async () => {
    till = await openTill(options)
  })
  afterAll(async () => {
    const breaches = await till?.audit.breaches()
    await till?.close()
    expect(breaches).toEqual([])
  })
  return () => {
    if (till === undefined) throw new Error("the till is not open")
    return till
  }
}

/** 32 bytes, for gateways that share a database. */
export const newMasterKey = (): string => randomBytes(32).toString("base64")

export const orderNoOf = (order: Answer): string => textOf(order, "order_no")

/** What the merchant sees of an order now. */
export const statusOf = async (shop: MerchantClient, order: Answer): Promise<unknown> =>
  (await shop.orderQuery({ order_no: orderNoOf(order) })).data?.status_name

/** The order as the operator sees it: status, flags, timeline. */
export const shown = async (gateway: Gateway, order: Answer): Promise<Readonly<Record<string, unknown>>> =>
  gateway.command(["order", "show", orderNoOf(order)])

/** Asks until it is so; an error that names what was waited for after `timeoutMs`. */
export const until = async (
  what: string,
  isSo: () => Promise<boolean> | boolean,
  timeoutMs = 15_000
): Promise<void> => {
  for (const end = Date.now() + timeoutMs; !(await isSo()); ) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Long enough for a webhook, a sweep and a reconcile that must not come. */
export const QUIET_MS = 2_500
export const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, QUIET_MS))
