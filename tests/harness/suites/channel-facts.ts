import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../core/domain/order.ts"
import { perTest } from "../per-test.ts"
import type { OpenStore } from "./store-under-test.ts"

/** The promise of ChannelFacts, for every store: see core/pipeline/persistence/channel-facts.ts. */
export const channelFactsSuite = (name: string, open: OpenStore): void =>
  describe(`ChannelFacts on ${name}`, () => {
    const on = perTest(open)

    test("a fact that was never written is null", async () => {
      expect(await on().run(on().stores.facts.get("wechat-jsapi", "token"))).toBeNull()
    })

    test("of 30 updates of one fact at once none is lost", async () => {
      const { stores, run } = on()
      const other = await on().other()
      const add = (value: JsonObject | null) => ({ count: Number(value?.count ?? 0) + 1 })
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) => run((i % 2 === 0 ? stores : other).facts.update("p", "counter", add)))
      )
      expect(await run(stores.facts.get("p", "counter"))).toEqual({ count: 30 })
      expect(new Set(answers.map((value) => value.count)).size).toBe(30)
      expect(await run(stores.facts.get("q", "counter"))).toBeNull()
      expect(await run(stores.facts.get("p", "another"))).toBeNull()
    })

    test("an update that returns its argument leaves the fact as it is", async () => {
      const { stores, run } = on()
      await run(stores.facts.update("p", "kept", () => ({ is: "kept" })))
      expect(await run(stores.facts.update("p", "kept", (value) => value ?? {}))).toEqual({ is: "kept" })
      expect(await run(stores.facts.get("p", "kept"))).toEqual({ is: "kept" })
    })
  })
