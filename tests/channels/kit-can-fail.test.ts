import { describe, expect, test } from "bun:test"
import type { AnyProvider } from "../../core/cashier/opened-account.ts"
import { Broken, describeChannel, KIT_CASES, type KitSimulator, openKit } from "../../core/kit/index.ts"
import { MUTATIONS, type Mutation } from "./kit-mutations.ts"
import { startTiny, tiny } from "./tiny-channel.ts"

/** What a case throws about a provider; null = the case passes. */
const verdict = async (
  run: (typeof KIT_CASES)[number]["run"],
  provider: AnyProvider,
  change: (simulator: KitSimulator) => KitSimulator = (simulator) => simulator
): Promise<unknown> => {
  const kit = await openKit(provider, { simulator: async () => change(await startTiny()) })
  try {
    await run(kit)
    return null
  } catch (error) {
    return error
  } finally {
    await kit.stop()
  }
}

// The channel into which the mistakes are put keeps every promise itself.
describeChannel(tiny, { simulator: startTiny })

describe("The kit", () => {
  test("has at least sixty cases, no two of one name, and a mistake for each", () => {
    const names = KIT_CASES.map(({ name }) => name)
    expect(names.length).toBeGreaterThanOrEqual(60)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !Object.hasOwn(MUTATIONS, name))).toEqual([])
  })

  test.each(KIT_CASES.map(({ name, run }) => [name, run] as const))(
    "finds the mistake against: %s",
    async (name, run) => {
      const { provider, simulator } = MUTATIONS[name] as Mutation
      const said = await verdict(run, provider(), simulator)
      expect(said).toBeInstanceOf(Broken)
      expect((said as Broken).message).toMatch(/^\S.{10,}/s)
    }
  )
})
