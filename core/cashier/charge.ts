import { Clock, Effect, References, Result } from "effect"
import type { ChargeRef, Presentation } from "../channel/provider.ts"
import { OwnUrl } from "../config/own-url.ts"
import { crashPoint } from "../domain/crash-point.ts"
import { ChannelUnavailable, ChargeUncertain } from "../domain/errors.ts"
import type { Json, JsonObject, Order } from "../domain/order.ts"
import { Background } from "../observe/background.ts"
import { countCharge } from "../observe/metrics.ts"
import type { Exchange } from "../outbound/channel-http.ts"
import { Charges } from "../pipeline/persistence/charges.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { LinkKey } from "../secrets/link-key.ts"
import type { OpenedAccount } from "./opened-account.ts"
import { returnToken } from "./return-token.ts"

/** What a channel is asked to charge: the stored order, and the payer if the flow needs one. */
export interface Charge {
  readonly order: Pick<
    Order,
    | "merchantId"
    | "orderNo"
    | "channelCode"
    | "amountFen"
    | "note"
    | "createdAt"
    | "expiresAt"
    | "clientIp"
    | "reference"
  >
  readonly jsapi?: { readonly appId: string | null; readonly openid: string; readonly miniProgram: boolean }
}

/**
 * Charges a stored order at its account, then at the others that serve the same code. Only a definite refusal moves it
 * to the next account. An uncertain answer ends the charge (ChargeUncertain): the payer may still be able to pay at
 * that account, so no other may be tried. If every account refuses, it fails with ChannelUnavailable.
 * @param begun the number of the attempt that the store has begun (`Charges.begin`), from 1; until it ends, nobody else
 * charges the order
 */
export const chargeOrder = Effect.fnUntraced(function* (
  charge: Charge,
  accounts: readonly [OpenedAccount, ...Array<OpenedAccount>],
  begun: number
) {
  const orders = yield* Orders
  const charges = yield* Charges
  const background = yield* Background
  const clock = yield* Clock.Clock
  const key = { merchantId: charge.order.merchantId, orderNo: charge.order.orderNo }
  let reference = charge.order.reference
  let attempt = begun

  for (const [index, account] of accounts.entries()) {
    if (index > 0) {
      reference = account.channel.reference?.(charge.order) ?? {}
      const target = { provider: account.provider.id, accountId: account.id, feeRateBp: account.feeRateBp, reference }
      // The move is durable before the channel is called: the channel's notice must find the order at this account.
      const moved = yield* charges.moveToAccount({ ...key, attempt }, target)
      if (moved === null) return yield* new ChargeUncertain({ orderNo: key.orderNo })
      attempt = moved
    }
    const record: Array<Exchange> = []
    const startedMs = clock.currentTimeMillisUnsafe()
    const request = yield* chargeRequest({ ...charge, order: { ...charge.order, reference } }, account)
    const answer = yield* Effect.result(account.act(() => account.channel.charge(request), record))
    crashPoint("charge.answered")
    const outcome = Result.isSuccess(answer) ? "accepted" : OUTCOMES[answer.failure._tag]
    countCharge(account.provider.id, outcome)
    const { request_id: requestId } = yield* References.CurrentLogAnnotations
    const last = index === accounts.length - 1
    const entry = {
      ...key,
      provider: account.provider.id,
      accountId: account.id,
      attempt,
      at: new Date(startedMs),
      durationMs: clock.currentTimeMillisUnsafe() - startedMs
    }
    const detail = { request_id: String(requestId ?? ""), exchanges: exchangesOf(record) }

    if (Result.isSuccess(answer)) {
      const presentation = answer.success
      const shown = toJson(presentation)
      // Settling needs nothing that is not in the order already, so a QR code's charge is recorded in the background.
      // JSAPI parameters and forms are shown again to a returning payer: they are stored with the order first, and a
      // payer must not receive them once the order is no longer PENDING.
      if (charge.jsapi === undefined && presentation.kind !== "form") {
        yield* background.run(charges.recordAccepted({ ...entry, detail: { ...detail, presentation: shown } }))
      } else if (!(yield* charges.record({ ...entry, outcome, final: true, presentation: shown, detail }))) {
        return yield* new ChargeUncertain({ orderNo: key.orderNo })
      }
      return { presentation, account }
    }

    const { failure } = answer
    const failed = charges.record({
      ...entry,
      outcome,
      final: outcome !== "rejected" || last,
      presentation: null,
      detail: { ...detail, reason: failure.message }
    })
    if (failure._tag === "ChannelUncertain") {
      yield* background.run(failed)
      return yield* new ChargeUncertain({ orderNo: key.orderNo })
    }
    // If an earlier attempt ended uncertain, a refusal now does not prove that the order is unpaid.
    const refused = last && begun === 1
    const ended =
      refused &&
      (yield* orders.end({ ...key, accountId: account.id }, "FAILED", "every channel account refused the order"))
    yield* failed
    if (last && !ended) return yield* new ChargeUncertain({ orderNo: key.orderNo })
  }
  return yield* new ChannelUnavailable({ orderNo: key.orderNo })
})

const OUTCOMES = { ChannelRejected: "rejected", ChannelUncertain: "uncertain" } as const

const chargeRequest = Effect.fnUntraced(function* (charge: Charge, account: OpenedAccount) {
  const ownUrl = yield* OwnUrl
  const { nowMs } = yield* StoreClock
  const { order, jsapi } = charge
  return {
    orderNo: order.orderNo,
    code: order.channelCode,
    amountFen: order.amountFen,
    description: order.note,
    createdAt: order.createdAt,
    expiresAt: order.expiresAt,
    remainingMs: order.expiresAt.getTime() - nowMs(),
    noticeUrl: ownUrl.notice(account.id),
    returnUrl: ownUrl.payReturn(returnToken(yield* LinkKey, order.orderNo)),
    clientIp: order.clientIp,
    reference: order.reference,
    ...(jsapi === undefined ? {} : { jsapi })
  }
})

/** A stored order as `query`, `close` and the other calls of its channel take it. */
export const chargeRefOf = (order: Order): ChargeRef => ({
  orderNo: order.orderNo,
  code: order.channelCode,
  amountFen: order.amountFen,
  createdAt: order.createdAt,
  expiresAt: order.expiresAt,
  reference: order.reference,
  channelTradeNo: order.channelTradeNo
})

const exchangesOf = (record: ReadonlyArray<Exchange>): Json => record.map((exchange) => ({ ...exchange }))

const toJson = (presentation: Presentation): JsonObject => presentation as unknown as JsonObject
