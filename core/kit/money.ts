import { AMOUNT_FEN_MAX } from "../domain/money.ts"
import type { Payment } from "../domain/order.ts"
import { claim, claimDone, claimEqual, show } from "./claim.ts"
import type { Kit, KitCase, KitOrder } from "./kit.ts"

/** Fen amounts that floats get wrong: 0.29 × 100 is 28.999…, 1.13 × 100 is 112.999…, 4.35 × 100 is 434.999… */
const FLOAT_TRAPS = [29, 57, 58, 113, 115, 435, 1_001, 1_999, 101_010, 1_234_567]
/** Allows for a provider's clock that differs from ours, and for providers that omit seconds. */
const CLOCK_SLACK_MS = 5 * 60_000

/** The smallest and the largest amount that the first product takes, in fen. */
const limits = ({ product }: Kit) => ({ min: product.minFen ?? 1, max: product.maxFen ?? AMOUNT_FEN_MAX })

const paymentByQuery = async (kit: Kit, order: KitOrder): Promise<Payment> => {
  const state = claimDone(await kit.act((channel) => channel.query(order)), "a query of a paid order")
  claim(state.state === "paid", `a paid order is ${state.state} by its query`)
  return state.payment
}

/** undefined = the provider sends no notice, or the channel takes it for a hint and asks: then the query is what counts. */
const paymentByNotice = async (kit: Kit, order: KitOrder): Promise<Payment | undefined> => {
  const sent = await kit.simulator.notice(order.orderNo)
  if (sent === undefined) return undefined
  const notice = claimDone(await kit.readNotice(sent), "a genuine notice")
  claim(notice.kind !== "news", "a paid order's notice reads as news that is no payment")
  return notice.kind === "payment" ? notice.payment : undefined
}

/** Charges and pays an amount, and compares it in the provider's book, the query and the notice. */
const exact = async (kit: Kit, amountFen: number): Promise<void> => {
  const { min, max } = limits(kit)
  if (amountFen < min || amountFen > max) return
  const order = await kit.paid({ amountFen })
  claimEqual(
    (await kit.simulator.book(order.orderNo))?.amountFen,
    amountFen,
    "what the provider was asked to charge, in fen,"
  )
  claimEqual((await paymentByQuery(kit, order)).amountFen, amountFen, "what the query says was paid, in fen,")
  const noticed = await paymentByNotice(kit, order)
  if (noticed !== undefined) claimEqual(noticed.amountFen, amountFen, "what the notice says was paid, in fen,")
}

const amountCase = (amountFen: number, words: string): KitCase => ({
  name: `${words} is charged, queried and noticed to the fen`,
  run: (kit) => exact(kit, amountFen)
})

/** Amounts, numbers, currency, time and fee, from our fen to the wire and back. */
export const MONEY_CASES: ReadonlyArray<KitCase> = [
  amountCase(1, "1 fen"),
  amountCase(10, "10 fen"),
  amountCase(99, "99 fen"),
  amountCase(100, "1 yuan"),
  amountCase(123_456, "1,234.56 yuan"),
  {
    name: "amounts that floats get wrong are charged, queried and noticed to the fen",
    run: async (kit) => {
      for (const amountFen of FLOAT_TRAPS) await exact(kit, amountFen)
    }
  },
  {
    name: "the largest amount that the product takes is charged, queried and noticed to the fen",
    run: (kit) => exact(kit, limits(kit).max)
  },
  {
    name: "a query says what was paid, not what was asked for",
    run: async (kit) => {
      for (const paidFen of [1_233, 1_235]) {
        const order = await kit.charged()
        if (!(await kit.simulator.pay(order.orderNo, { amountFen: paidFen }))) return
        claimEqual((await paymentByQuery(kit, order)).amountFen, paidFen, "what the query says was paid, in fen,")
      }
    }
  },
  {
    name: "the query and the notice of a payment tell the same money and trade number",
    run: async (kit) => {
      const order = await kit.paid()
      const { channelTradeNo, amountFen, currency } = await paymentByQuery(kit, order)
      const noticed = await paymentByNotice(kit, order)
      if (noticed === undefined) return
      const { channelTradeNo: noticedNo, amountFen: noticedFen, currency: noticedIn } = noticed
      claimEqual([noticedNo, noticedFen, noticedIn], [channelTradeNo, amountFen, currency], "the notice's payment")
    }
  },
  {
    name: "a payment has the provider's own trade number, another one for each order",
    run: async (kit) => {
      const orders = [await kit.paid(), await kit.paid()]
      const numbers: Array<string> = []
      for (const order of orders) numbers.push((await paymentByQuery(kit, order)).channelTradeNo)
      for (const number of numbers) claim(/^\S{1,64}$/.test(number), `the trade number is ${show(number)}`)
      claim(numbers[0] !== numbers[1], "two orders have the same trade number: one of them would be flagged")
    }
  },
  {
    name: "a payment names its currency by three capital letters, CNY for yuan",
    run: async (kit) => {
      const order = await kit.paid()
      for (const payment of [await paymentByQuery(kit, order), await paymentByNotice(kit, order)])
        if (payment !== undefined) claimEqual(payment.currency, "CNY", "the currency of yuan")
    }
  },
  {
    name: "a payment was made now, not eight hours off",
    run: async (kit) => {
      const order = await kit.paid()
      for (const payment of [await paymentByQuery(kit, order), await paymentByNotice(kit, order)]) {
        if (payment === undefined) continue
        const offMs = payment.paidAt.getTime() - order.createdAt.getTime()
        claim(Math.abs(offMs) <= CLOCK_SLACK_MS, `a payment made now is dated ${show(payment.paidAt)}`)
      }
    }
  },
  {
    name: "a fee, where the provider reports one, is whole fen within the amount",
    run: async (kit) => {
      for (const amountFen of [1, 1_234, 99_999]) {
        const order = await kit.paid({ amountFen: Math.max(amountFen, limits(kit).min) })
        for (const payment of [await paymentByQuery(kit, order), await paymentByNotice(kit, order)]) {
          if (payment?.feeFen === undefined) continue
          const within = Number.isSafeInteger(payment.feeFen) && payment.feeFen >= 0
          claim(within && payment.feeFen <= payment.amountFen, `a fee of ${payment.feeFen} of ${payment.amountFen} fen`)
        }
      }
    }
  }
]
