import { type Answer, type MerchantClient, unique } from "./merchant-client.ts"
import { isAcknowledged, type ScriptedProvider } from "./scripted-provider.ts"

/*
 * Merchants, payers and the provider at work while a test hurts the gateway. They behave as in production: merchants place
 * orders, payers pay what they are shown, and the provider repeats each notice until it is acknowledged.
 */

/** What a merchant knows about an order that it tried to place. */
export interface Placed {
  readonly merchantOrderNo: string
  readonly plan: string
  /** undefined while the order is refused or its answer is lost. */
  orderNo: string | undefined
  /** The answer was 200. */
  acknowledged: boolean
  /** The envelope's code; null where the connection broke. */
  code: number | null
  message: string
  paid: boolean
  /** The provider was told "success". */
  noticeAcknowledged: boolean
}

export interface LoadOptions {
  readonly shop: MerchantClient
  readonly provider: ScriptedProvider
  readonly notifyUrl: string
  /** Merchants that place orders at once, and the pause of each between two orders. */
  readonly concurrent: number
  readonly paceMs: number
  /** Draws in [0, 1) that choose the plans (harness/seeded.ts). */
  readonly random: () => number
  /** Legal codes besides 200, 400, 500 and 503. */
  readonly codes?: ReadonlyArray<number>
}

export interface Load {
  readonly placed: ReadonlyArray<Placed>
  /** Answers that were no envelope, had another code, or took longer than 30 s. Tests expect none. */
  readonly misbehaved: ReadonlyArray<string>
  /** Calls whose connection broke: none where the gateway lived throughout. */
  readonly broken: () => number
  /** Places no more orders; payments and notices that have begun go on. */
  readonly stopPlacing: () => Promise<void>
  /** Ends the provider's repeated notices too. */
  readonly stop: () => Promise<void>
}

/** Plans by weight: most orders are ordinary, some need reconcile, a few are never paid. */
const PLANS: ReadonlyArray<readonly [weight: number, plan: string, pays: boolean]> = [
  [12, "", true],
  [2, "notice=silent", true],
  [2, "charge=lost", true],
  [1, "charge=drop-taken notice=silent", true],
  [1, "charge=refuse", false],
  [1, "charge=error", false],
  [2, "notice=twice", true]
]

const ANSWER_MAX_MS = 30_000
const RETRY_MS = 150

export const startLoad = (options: LoadOptions): Load => {
  const { shop, provider, notifyUrl, random, codes = [] } = options
  const placed: Array<Placed> = []
  const misbehaved: Array<string> = []
  const payments: Array<Promise<void>> = []
  let broken = 0
  let placing = true
  let running = true
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

  const placeOne = async (): Promise<void> => {
    const [, plan, pays] = draw(random())
    const merchantOrderNo = unique("LOAD")
    const order: Placed = {
      merchantOrderNo,
      plan,
      orderNo: undefined,
      acknowledged: false,
      code: null,
      message: "",
      paid: false,
      noticeAcknowledged: false
    }
    placed.push(order)
    const answer = await call(() =>
      shop.qrcodePay({
        merchant_order_no: merchantOrderNo,
        notify_url: notifyUrl,
        ...(plan === "" ? {} : { note: plan })
      })
    )
    order.code = answer?.code ?? null
    order.message = answer?.message ?? ""
    order.acknowledged = answer?.code === 200
    const orderNo = answer?.data?.order_no
    if (typeof orderNo === "string") order.orderNo = orderNo
    if (answer === undefined) await pause(RETRY_MS)
    // The payer pays what is shown. An uncertain charge may have shown a code too.
    if (pays && order.orderNo !== undefined) payments.push(payFor(order, order.orderNo))
  }

  const payFor = async (order: Placed, orderNo: string): Promise<void> => {
    if (!provider.trades().some((trade) => trade.orderNo === orderNo)) return
    provider.pay(orderNo)
    order.paid = true
    if (order.plan.includes("notice=silent")) return
    const times = order.plan.includes("notice=twice") ? 2 : 1
    while (running) {
      const answers = await Promise.all(
        Array.from({ length: times }, () => provider.notify(orderNo, { timeoutMs: 5_000 }))
      )
      if (answers.some(isAcknowledged)) {
        order.noticeAcknowledged = true
        return
      }
      await pause(RETRY_MS)
    }
  }

  /** An envelope, or undefined when the connection broke. */
  const call = async (ask: () => Promise<Answer>): Promise<Answer | undefined> => {
    const startedAt = Date.now()
    try {
      const answer = await ask()
      if (![200, 400, 500, 503, ...codes].includes(answer.code)) misbehaved.push(`${answer.code} ${answer.text}`)
      return answer
    } catch (error) {
      if (String(error).includes("not the envelope")) misbehaved.push(String(error))
      else broken++
      return undefined
    } finally {
      const tookMs = Date.now() - startedAt
      if (tookMs > ANSWER_MAX_MS) misbehaved.push(`an answer took ${tookMs} ms`)
    }
  }

  const worker = async (): Promise<void> => {
    while (placing) {
      await placeOne()
      await pause(options.paceMs)
    }
  }
  const workers = Array.from({ length: options.concurrent }, worker)
  const stopPlacing = async () => {
    placing = false
    await Promise.all(workers)
  }
  return {
    placed,
    misbehaved,
    broken: () => broken,
    stopPlacing,
    stop: async () => {
      await stopPlacing()
      running = false
      await Promise.all(payments)
    }
  }
}

const draw = (chance: number): (typeof PLANS)[number] => {
  let left = chance * PLANS.reduce((sum, [weight]) => sum + weight, 0)
  for (const plan of PLANS) {
    left -= plan[0]
    if (left < 0) return plan
  }
  return [1, "", true]
}
