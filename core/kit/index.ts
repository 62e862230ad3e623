import { afterAll, beforeAll, describe, test } from "bun:test"
import type { AnyProvider } from "../cashier/opened-account.ts"
import { KIT_CASES } from "./cases.ts"
import { type Kit, type KitOptions, openKit } from "./kit.ts"

export { KIT_CASES } from "./cases.ts"
export { Broken } from "./claim.ts"
export { type Kit, type KitCase, type KitOptions, type KitOrder, openKit } from "./kit.ts"
export type { BookEntry, KitNotice, KitSimulator, NoticeWish, SimulatorFault } from "./simulator.ts"
export { WIRE_FAULTS, type WireFault } from "./wire.ts"

/** Time-out of a case. Cases wait for deadlines; one with several takes some seconds on a busy machine. */
const CASE_MS = 60_000

/**
 * Tests a channel against every promise of the channel interface, with its own simulator; each case is a test of its
 * own. Cases about abilities that a channel does not have (refund, close, payer …) pass without effect.
 * @example describeChannel(provider, { simulator: startMySimulator })
 */
export const describeChannel = (provider: AnyProvider, options: KitOptions): void =>
  describe(`${provider.id} keeps the promise that`, () => {
    let kit: Kit
    beforeAll(async () => {
      kit = await openKit(provider, options)
    }, CASE_MS)
    afterAll(() => kit?.stop())

    for (const { name, run } of KIT_CASES) {
      test(
        name,
        async () => {
          kit.wire.clear()
          await run(kit)
        },
        CASE_MS
      )
    }
  })
