import { Clock, Effect, References, Result } from "effect"
import type { ChannelRejected } from "../channel/errors.ts"
import type { ChargeRef, Presentation } from "../channel/provider.ts"
import { OwnUrl } from "../config/own-url.ts"
import { crashPoint } from "../domain/crash-point.ts"
import { ChannelUnavailable, ChargeUncertain } from "../domain/errors.ts"
import type { Json, JsonObject, Order } from "../domain/order.ts"
import { Background } from "../observe/background.ts"
import { countCharge } from "../observe/metrics.ts"
import type { Exchange } from "../outbound/channel-http.ts"
import { type AcceptedCharge, Charges } from "../pipeline/persistence/charges.ts"
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
  /**
   * How a payer who has come to the stored order is known: by a login, or by an openid that whoever holds the pay token
   * has sent. Absent = nobody has come; what `jsapi` holds then is part of the merchant's own request.
   */
  readonly payerBy?: "login" | "claim"
}

/**
 * Charges a stored order at its account, then at the others that serve the same code. Only a definite refusal moves it
 * to the next account; one that was disabled meanwhile is passed over. An uncertain answer ends the charge
 * (ChargeUncertain): the payer may still be able to pay at that account, so no other may be tried. If every account
 * that was asked refuses, the order is FAILED and the error is ChannelUnavailable with its number. A refusal that
 * concerns the payer who came, or may concern one who has proven nothing, leaves the order PENDING and unbound:
 * ChannelUnavailable without its number. What payers begin and every move to another account is permitted by the store as
 * it is at that moment; the first account of an order that is being placed is the one that this process knows, at most
 * 30 s old where the store's signal of a change was lost (core/cashier/channels.ts).
 * @param accounts at least one; the next one is asked for only after a refusal
 * @param begun the number of the attempt that the store has begun (`Charges.begin`), from 1; until it ends, nobody else
 * charges the order
 */
export const chargeOrder = Effect.fnUntraced(function* (
  charge: Charge,
  accounts: Iterable<OpenedAccount, undefined>,
  begun: number
) {
  const charges = yield* Charges
  const background = yield* Background
  const clock = yield* Clock.Clock
  const key = { merchantId: charge.order.merchantId, orderNo: charge.order.orderNo }
  let reference = charge.order.reference
  let attempt = begun
  let refused: Refused | undefined

  const turns = accounts[Symbol.iterator]()
  let next = turns.next().value
  for (let isFirst = true; next !== undefined; isFirst = false) {
    const account = next
    if (!isFirst) {
      reference = account.channel.reference?.(charge.order) ?? {}
      const target = { provider: account.provider.id, accountId: account.id, feeRateBp: account.feeRateBp, reference }
      // The move is durable before the channel is called: the channel's notice must find the order at this account.
      const moved = yield* charges.moveToAccount({ ...key, attempt }, target)
      if (moved === "stopped") {
        next = turns.next().value
        continue
      }
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
    const failed = { ...entry, detail: { ...detail, reason: failure.message } }
    if (failure._tag === "ChannelUncertain") {
      yield* background.run(charges.record({ ...failed, outcome: "uncertain", final: true, presentation: null }))
      return yield* new ChargeUncertain({ orderNo: key.orderNo })
    }
    refused = { concerns: failure.concerns, failed }
    next = turns.next().value
    if (next !== undefined) {
      yield* charges.record({ ...failed, outcome: "rejected", final: false, presentation: null })
    }
  }
  return yield* refused === undefined
    ? new ChargeUncertain({ orderNo: key.orderNo })
    : endRefused(charge, refused, begun)
})

/** The last refusal of a charge, and its record. */
interface Refused {
  readonly concerns: ChannelRejected["concerns"]
  readonly failed: AcceptedCharge
}

/** Ends a charge that every account that was asked has refused. */
const endRefused = Effect.fnUntraced(function* (
  { jsapi, payerBy }: Charge,
  { concerns, failed }: Refused,
  begun: number
) {
  const orders = yield* Orders
  const charges = yield* Charges
  const { orderNo } = failed
  // A stranger's openid must not end an order: where a payer has proven nothing, a refusal that may be about the payer
  // counts as one that is.
  const aboutPayer = concerns === "payer" || (payerBy === "claim" && concerns !== "everyone")
  if (jsapi !== undefined && payerBy !== undefined && aboutPayer) {
    const released = yield* charges.refusePayer({ ...failed, payer: jsapi.openid })
    return yield* released ? new ChannelUnavailable({ orderNo: null }) : new ChargeUncertain({ orderNo })
  }
  // If an earlier attempt ended uncertain, a refusal now does not prove that the order is unpaid.
  const proven = begun === 1 || (yield* charges.onlyRefusedBefore({ ...failed, attempt: begun }))
  // Ended before it is recorded: the record ends the lease, and another charge could begin in between.
  const ended = proven && (yield* orders.end(failed, "FAILED", "every channel account refused the order"))
  yield* charges.record({ ...failed, outcome: "rejected", final: true, presentation: null })
  return yield* ended ? new ChannelUnavailable({ orderNo }) : new ChargeUncertain({ orderNo })
})

const OUTCOMES = { ChannelRejected: "rejected", ChannelUncertain: "uncertain" } as const

const chargeRequest = Effect.fnUntraced(function* (charge: Charge, account: OpenedAccount) {
  const ownUrl = yield* OwnUrl
  const { nowMs } = yield* StoreClock
  const linkKey = yield* LinkKey
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
    // A code that is scanned has no way back, so the signature is made only for channels that ask for it.
    get returnUrl() {
      return ownUrl.payReturn(returnToken(linkKey, order.orderNo))
    },
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
