import { claim, claimDone, claimEqual, describe } from "./claim.ts"
import type { Kit, KitCase, KitOrder } from "./kit.ts"
import { claimRefused } from "./notices.ts"
import type { KitNotice, NoticeWish } from "./simulator.ts"

/**
 * A case about a genuinely signed notice that says our unpaid order is paid, though it was not this account that got
 * the money. It passes without effect where a notice's key binds it to the account.
 */
const receiverCase = (
  name: string,
  receiver: NonNullable<NoticeWish["receiver"]>,
  run: (kit: Kit, order: KitOrder, sent: KitNotice) => Promise<void>
): KitCase => ({
  name,
  run: async (kit) => {
    const order = await kit.charged({ amountFen: 123_456 })
    const sent = await kit.simulator.notice(order.orderNo, { receiver, amountFen: order.amountFen })
    if (sent === undefined) return
    await run(kit, order, sent)
    const state = claimDone(await kit.act((channel) => channel.query(order)), "the question that follows")
    claimEqual(state.state, "pending", "an order that somebody else was paid for")
  }
})

/** Notices that are not bound to the account: a signature says who sent them and not whose money they are about. */
export const NOTICE_RECEIVER_CASES: ReadonlyArray<KitCase> = [
  receiverCase(
    "a notice without its receiver is asked about and settles nothing by itself",
    "nobody",
    async (kit, order, sent) => {
      const outcome = await kit.readNotice(sent)
      const read = claimDone(outcome, "a notice that names no receiver")
      claim(read.kind === "hint", `a notice that names no receiver is a hint to ask and reads as ${describe(outcome)}`)
      claimEqual(read.orderNo, order.orderNo, "the order to ask about")
    }
  ),
  receiverCase("another merchant's notice settles nothing", "another", async (kit, _order, sent) =>
    claimRefused(await kit.readNotice(sent), "a notice that names another merchant")
  )
]
