import { Effect } from "effect"
import type { JsonObject } from "../../core/domain/order.ts"
import type { ChannelFacts } from "../../core/pipeline/persistence/channel-facts.ts"
import type { Database } from "./driver/database.ts"

/** Small facts that channels keep. Updates compare versions, so that no lock is held while a channel's code runs. */
export const makeChannelFacts = (db: Database): ChannelFacts["Service"] => {
  const { json } = db
  const read = (provider: string, key: string) =>
    db.run(
      (sql) => sql<Array<{ value: JsonObject; version: number }>>`
        select value, version from channel_book where provider = ${provider} and key = ${key}`
    )
  return {
    get: (provider, key) => read(provider, key).pipe(Effect.map(([row]) => row?.value ?? null)),

    update: Effect.fnUntraced(function* (provider, key, change) {
      // The loop ends: of all updates that collide, one succeeds in every round.
      for (;;) {
        const [row] = yield* read(provider, key)
        const value = change(row?.value ?? null)
        const written = yield* db.run((sql) =>
          row === undefined
            ? sql`
                insert into channel_book (provider, key, value)
                values (${provider}, ${key}, ${json(value)}::json::jsonb)
                on conflict do nothing returning 1`
            : sql`
                update channel_book set value = ${json(value)}::json::jsonb, version = version + 1, updated_at = now()
                where provider = ${provider} and key = ${key} and version = ${row.version}
                returning 1`
        )
        if (written.length > 0) return value
      }
    })
  }
}
