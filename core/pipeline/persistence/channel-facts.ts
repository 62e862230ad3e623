import { Context } from "effect"
import type { JsonObject } from "../../domain/order.ts"
import type { Stored } from "./stored.ts"

/** Small durable facts that belong to a channel's provider (or to `payhub` itself): tokens, a sandbox's trades. */
export class ChannelFacts extends Context.Service<
  ChannelFacts,
  {
    readonly get: (provider: string, key: string) => Stored<JsonObject | null>
    /**
     * Replaces a value atomically and returns the new one. `change` may run more than once and must be pure; if it
     * returns its argument, the value stays as it is.
     */
    readonly update: (
      provider: string,
      key: string,
      change: (value: JsonObject | null) => JsonObject
    ) => Stored<JsonObject>
  }
>()("payhub/persistence/ChannelFacts") {}
