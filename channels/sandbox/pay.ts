import { Effect } from "effect"
import { ChannelHttp, type ChannelRejected, ChannelUncertain, type GatewayUrls } from "../../core/channel/index.ts"
import type { SandboxAccount } from "./account.ts"
import { call } from "./call.ts"
import type { SentNotice } from "./notices.ts"
import { PayAnswer } from "./wire.ts"

export interface SandboxPayment {
  readonly orderNo: string
  /** Whole fen; what the notice says instead of the order's amount. The book stays as it is. */
  readonly amountFen?: number | undefined
  /** How often the notice is sent, one after the other: 1 (the default) … 100. */
  readonly times?: number | undefined
  /** Signs the notice as somebody without the key would. The book stays as it is. */
  readonly forge?: boolean | undefined
}

export interface SandboxPaid {
  readonly order_no: string
  readonly notices: ReadonlyArray<SentNotice>
}

/**
 * `payhub sandbox pay`: lets the provider's side of a running gateway take a payment and send its notices, and answers
 * what was sent and what the gateway said. An order that is closed or failed is paid all the same, as late money is.
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

// Outside the gateway's process there is no ChannelHttp; this is the operator's own command on the operator's machine.
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
