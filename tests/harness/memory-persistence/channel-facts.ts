import type { ChannelFacts } from "../../../core/pipeline/persistence/channel-facts.ts"
import type { MemoryStore } from "./store.ts"
import { keyText } from "./tables.ts"

/** Channels' facts in memory. An update is one turn, so that none overtakes another. */
export const makeChannelFacts = ({ tables: { facts }, act }: MemoryStore): ChannelFacts["Service"] => ({
  get: (provider, key) => act("facts.get", () => facts.get(keyText(provider, key)) ?? null),
  update: (provider, key, change) =>
    act("facts.update", () => {
      const value = change(facts.get(keyText(provider, key)) ?? null)
      facts.set(keyText(provider, key), value)
      return value
    })
})
