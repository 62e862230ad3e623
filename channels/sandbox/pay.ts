import { Effect } from "effect"
import { ChannelHttp, type ChannelRejected, ChannelUncertain, type GatewayUrls } from "../../core/channel/index.ts"
import type { SandboxAccount } from "./account.ts"
import { call } from "./call.ts"
import type { SentNotice } from "./notices.ts"
import { PayAnswer } from "./wire.ts"

export interface SandboxPayment {
  readonly orderNo: string
  /** Whole fen that the notice reports instead of the order's amount. The book does not change. */
  readonly amountFen?: number | undefined
  /** How often the notice is sent, one after the other: 1 (the default) … 100. */
  readonly times?: number | undefined
  /** Signs the notice without the key. The book does not change. */
  readonly forge?: boolean | undefined
}

export interface SandboxPaid {
  readonly order_no: string
  readonly notices: ReadonlyArray<SentNotice>
}

/**
 * `payhub sandbox pay`: makes the provider's side of a running gateway take a payment and send its notices. Returns
 * what was sent and what the gateway answered. A closed or failed order is paid all the same, as a late payment.
 * ChannelRejected: the sandbox has no such order. ChannelUncertain: the gateway does not answer.
 */
export const sandboxPay = (
  account: SandboxAccount,
  accountId: string,
  gateway: GatewayUrls,
  payment: SandboxPayment
): Effect.Effect<SandboxPaid, ChannelRejected | ChannelUncertain> =>
  call(
    account.signingKey,
    gateway,
    "pay",
    {
      account_id: accountId,
      order_no: payment.orderNo,
      amount_fen: payment.amountFen ?? null,
      times: payment.times ?? 1,
      forge: payment.forge ?? false
    },
    PayAnswer
  ).pipe(
    Effect.map(({ order_no, notices }) => ({ order_no, notices })),
    Effect.provideService(ChannelHttp, { send: sendByFetch })
  )

// There is no ChannelHttp outside the gateway's process; this runs as the operator's command on the operator's machine.
const sendByFetch: ChannelHttp["Service"]["send"] = (request) =>
  Effect.tryPromise({
    try: async (signal) => {
      const { method, url, headers = {}, body = "" } = request
      const sent = typeof body === "string" ? body : Buffer.from(body)
      const response = await fetch(url, { method, headers, body: sent, redirect: "manual", signal })
      const bytes = new Uint8Array(await response.arrayBuffer())
      return { status: response.status, headers: Object.fromEntries(response.headers), body: bytes }
    },
    catch: () =>
      new ChannelUncertain({ why: "connection", detail: `no gateway answers at ${new URL(request.url).origin}` })
  }).pipe(
    Effect.timeoutOrElse({
      duration: 60_000,
      orElse: () => new ChannelUncertain({ why: "timeout" })
    })
  )
