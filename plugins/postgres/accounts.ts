import { Effect } from "effect"
import type { Accounts, StoredAccount } from "../../core/pipeline/persistence/accounts.ts"
import type { Database } from "./driver/database.ts"
import type { Signals } from "./store-signals.ts"

interface AccountRow {
  readonly id: string
  readonly provider: string
  readonly name: string
  readonly enabled: boolean
  readonly removed: boolean
  readonly fee_rate_bp: number
  readonly sealed: string
  readonly created_at: Date
}

/**
 * Accounts at the channels' providers. Removed accounts stay stored: notices of their old orders must still be read.
 */
export const makeAccounts = (db: Database, signals: Signals): Accounts["Service"] => {
  const { sql } = db
  const columns = sql`id, provider, name, enabled, removed, fee_rate_bp, sealed, created_at`
  const oneOrNull = ([row]: ReadonlyArray<AccountRow>): StoredAccount | null =>
    row === undefined ? null : accountOf(row)

  const find: Accounts["Service"]["find"] = (id) =>
    db
      .run((sql) => sql<AccountRow[]>`select ${columns} from channel_accounts where id = ${id}`)
      .pipe(Effect.map(oneOrNull))

  return {
    find,

    list: () =>
      db
        .run((sql) => sql<AccountRow[]>`select ${columns} from channel_accounts where not removed order by ordinal`)
        .pipe(Effect.map((rows) => rows.map(accountOf))),

    listAll: () =>
      db
        .run((sql) => sql<AccountRow[]>`select ${columns} from channel_accounts order by ordinal`)
        .pipe(Effect.map((rows) => rows.map(accountOf))),

    create: Effect.fnUntraced(function* (account) {
      yield* db.run(
        (sql) => sql`
          with made as (
            insert into channel_accounts (id, provider, name, fee_rate_bp, sealed)
            values (${account.id}, ${account.provider}, ${account.name}, ${account.feeRateBp}, ${account.sealed})
            on conflict (id) do nothing
            returning id
          )
          select ${signals.changed({ kind: "account", id: account.id })} from made`
      )
      const stored = yield* find(account.id)
      return stored ?? (yield* Effect.die(new Error(`account ${account.id} is missing right after it was stored`)))
    }),

    change: (id, change) => {
      // The no-op assignment at the end keeps the statement valid when nothing changes.
      const sets = sql`
        ${change.enabled === undefined ? sql`` : sql`enabled = ${change.enabled},`}
        ${change.feeRateBp === undefined ? sql`` : sql`fee_rate_bp = ${change.feeRateBp},`}
        id = id`
      return db
        .run(
          (sql) => sql<AccountRow[]>`
            with changed as (update channel_accounts set ${sets} where id = ${id} returning ${columns})
            select ${columns}, ${signals.changed({ kind: "account", id })} from changed`
        )
        .pipe(Effect.map(oneOrNull))
    },

    remove: (id) =>
      db
        .run(
          // Two counts, because each half of the PENDING orders has a partial index of its own.
          (sql) => sql<Array<{ pending: number }>>`
            with waiting as (
              select (select count(*) from orders where status = 0 and next_check_at is not null and account_id = ${id})
                + (select count(*) from orders where status = 0 and next_check_at is null and account_id = ${id})
                as orders
            ), changed as (
              update channel_accounts set removed = true
              where id = ${id} and (select orders from waiting) = 0
              returning id
            ), told as (select ${signals.changed({ kind: "account", id })} from changed)
            select (select orders from waiting)::integer as pending, (select count(*) from told) as told
            from channel_accounts where id = ${id}`
        )
        .pipe(Effect.map(([row]) => (row === undefined ? null : row.pending === 0 ? "removed" : row.pending))),

    reseal: (id, sealed) =>
      db
        .run(
          (sql) => sql`
            with changed as (update channel_accounts set sealed = ${sealed} where id = ${id} returning id)
            select ${signals.changed({ kind: "account", id })} from changed`
        )
        .pipe(Effect.asVoid)
  }
}

const accountOf = (row: AccountRow): StoredAccount => ({
  id: row.id,
  provider: row.provider,
  name: row.name,
  enabled: row.enabled,
  removed: row.removed,
  feeRateBp: row.fee_rate_bp,
  sealed: row.sealed,
  createdAt: row.created_at
})
