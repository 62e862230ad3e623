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
import type { OpenedAccount } from "./opened-account.ts"

/** What a channel is asked to charge: the stored order, and the payer where the flow needs one. */
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
 * Charges a stored order at its account, then at the others that serve the same code: only a definite refusal moves it
 * on. An uncertain answer ends here: the payer may be able to pay there, so nobody else may be asked.
 * @param begun the attempt that the store has begun for this charge: nobody else charges the order meanwhile
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
      // Durable before the channel hears of it: its notice must find the order at this account.
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
      // All that settling needs is in the order already. Only what a payer is shown again is kept with the order, and a
      // JSAPI payer must not be handed what came too late.
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
    returnUrl: ownUrl.payReturn(),
    clientIp: order.clientIp,
    reference: order.reference,
    ...(jsapi === undefined ? {} : { jsapi })
  }
})

/** An order as its channel knows it. */
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
