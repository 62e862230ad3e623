import { afterAll, beforeAll, describe, test } from "bun:test"
import type { AnyProvider } from "../cashier/opened-account.ts"
import { KIT_CASES } from "./cases.ts"
import { type Kit, type KitOptions, openKit } from "./kit.ts"

export { KIT_CASES } from "./cases.ts"
export { Broken } from "./claim.ts"
export { type Kit, type KitCase, type KitOptions, type KitOrder, openKit } from "./kit.ts"
export type { BookEntry, KitNotice, KitSimulator, NoticeWish, SimulatorFault } from "./simulator.ts"
export { WIRE_FAULTS, type WireFault } from "./wire.ts"

/** Silences are waited for: a case that meets several of them takes a few seconds on a busy machine. */
const CASE_MS = 60_000

/**
 * Holds a channel to every promise of the channel interface, against its own simulator; each case is a test of its own.
 * Abilities that a channel does not have (refund, close, payer …) are not asked for.
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
