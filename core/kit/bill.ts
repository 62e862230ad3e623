import { Clock, Effect } from "effect"
import type { Bill } from "../channel/provider.ts"
import { shanghaiText } from "../domain/time.ts"
import { claim, claimDone, claimUnanswered, show } from "./claim.ts"
import type { Act, Kit, KitCase } from "./kit.ts"

/** Yesterday in Shanghai: the latest day for which providers have a bill. */
const date = (): string => shanghaiText(Effect.runSync(Clock.currentTimeMillis) - 86_400_000).slice(0, 10)

const billCase = (
  name: string,
  run: (kit: Kit, download: () => ReturnType<typeof kit.act<Bill>>) => Promise<void>
): KitCase => ({
  name,
  run: async (kit) => {
    const { downloadBill } = kit.channel
    if (downloadBill !== undefined) await run(kit, () => kit.act(() => downloadBill({ date: date() }) as Act<Bill>))
  }
})

/** The provider's own file of a day, as a channel downloads it. */
export const BILL_CASES: ReadonlyArray<KitCase> = [
  billCase("a bill is a file of bytes with a name that can be saved anywhere", async (_kit, download) => {
    const bill = claimDone(await download(), "a bill")
    claim(/^[\w][\w.-]{0,127}$/.test(bill.fileName), `the bill is called ${show(bill.fileName)}`)
    claim(bill.content instanceof Uint8Array, "the bill's content is no bytes")
  }),
  billCase("a bill that meets a fault is no bill", async (kit, download) => {
    for (const fault of ["lost-request", "http-500", "garbage", "empty", "http-404", "half-answer"] as const) {
      kit.wire.next(fault)
      const outcome = await download()
      kit.wire.clear()
      claimUnanswered(outcome, `a bill that meets ${fault}`)
    }
  })
]
