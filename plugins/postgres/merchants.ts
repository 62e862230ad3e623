import { Effect } from "effect"
import type { Merchant, MerchantMode } from "../../core/domain/merchant.ts"
import type { ThrottleRule } from "../../core/domain/throttle-rule.ts"
import type { Merchants, SealedSecret, StoredMerchant } from "../../core/pipeline/persistence/merchants.ts"
import type { Database } from "./driver/database.ts"
import type { Signals } from "./store-signals.ts"

interface MerchantRow {
  readonly id: number
  readonly app_id: string
  readonly name: string
  readonly mode: MerchantMode
  readonly active: boolean
  readonly callback_url: string | null
  readonly allow_ips: ReadonlyArray<string>
  readonly throttle: ThrottleRule | null
  readonly accounts: ReadonlyArray<string> | null
  readonly created_at: Date
}

interface SecretRow {
  readonly id: number
  readonly sealed: string
  readonly created_at: Date
  readonly expires_at: Date | null
  readonly first_used_at: Date | null
}

/** Merchants and their secrets. Every change tells all gateways to forget what they cached of the merchant. */
export const makeMerchants = (db: Database, signals: Signals): Merchants["Service"] => {
  const { sql, json } = db
  const columns = sql`id, app_id, name, mode, active, callback_url, allow_ips, throttle, accounts, created_at`

  const withSecrets = Effect.fnUntraced(function* (rows: ReadonlyArray<MerchantRow>) {
    const [row] = rows
    if (row === undefined) return null
    const secrets = yield* db.run(
      (sql) => sql<SecretRow[]>`
        select id, sealed, created_at, expires_at, first_used_at from merchant_secrets
        where merchant_id = ${row.id} and (expires_at is null or expires_at > now())
        order by id`
    )
    return { merchant: merchantOf(row), secrets: secrets.map(secretOf) } satisfies StoredMerchant
  })

  /** SQL null, and not JSON's, for null. */
  const orNull = (value: unknown) => (value === null ? sql`null` : sql`${json(value)}::json::jsonb`)

  return {
    find: (appId) =>
      db
        .run((sql) => sql<MerchantRow[]>`select ${columns} from merchants where app_id = ${appId}`)
        .pipe(Effect.flatMap(withSecrets)),

    findById: (merchantId) =>
      db
        .run((sql) => sql<MerchantRow[]>`select ${columns} from merchants where id = ${merchantId}`)
        .pipe(Effect.flatMap(withSecrets)),

    list: () =>
      db
        .run((sql) => sql<MerchantRow[]>`select ${columns} from merchants order by id`)
        .pipe(Effect.map((rows) => rows.map(merchantOf))),

    create: (merchant) =>
      db
        .run(
          (sql) => sql<MerchantRow[]>`
            with made as (
              insert into merchants (app_id, name, mode, callback_url, allow_ips, throttle, accounts)
              values (
                ${merchant.appId}, ${merchant.name}, ${merchant.mode}, ${merchant.callbackUrl},
                ${json(merchant.allowIps)}::json::jsonb, ${orNull(merchant.throttle)}, ${orNull(merchant.accounts)}
              )
              returning ${columns}
            ), secret as (
              insert into merchant_secrets (merchant_id, sealed) select id, ${merchant.sealedSecret} from made
            )
            select ${columns}, ${signals.changed({ kind: "merchant", id: merchant.appId })} from made`
        )
        .pipe(Effect.map(([row]) => merchantOf(row as MerchantRow))),

    update: (appId, change) => {
      // A condition that changes nothing, where nothing is to change, keeps the statement whole.
      const sets = sql`
        ${change.name === undefined ? sql`` : sql`name = ${change.name},`}
        ${change.active === undefined ? sql`` : sql`active = ${change.active},`}
        ${change.callbackUrl === undefined ? sql`` : sql`callback_url = ${change.callbackUrl},`}
        ${change.allowIps === undefined ? sql`` : sql`allow_ips = ${json(change.allowIps)}::json::jsonb,`}
        ${change.throttle === undefined ? sql`` : sql`throttle = ${orNull(change.throttle)},`}
        ${change.accounts === undefined ? sql`` : sql`accounts = ${orNull(change.accounts)},`}
        app_id = app_id`
      return db
        .run(
          (sql) => sql<MerchantRow[]>`
            with changed as (update merchants set ${sets} where app_id = ${appId} returning ${columns})
            select ${columns}, ${signals.changed({ kind: "merchant", id: appId })} from changed`
        )
        .pipe(Effect.map(([row]) => (row === undefined ? null : merchantOf(row))))
    },

    addSecret: (merchantId, sealed, othersExpireAt) =>
      db
        .run(
          // Both parts see the secrets as they were, so the new one is not among those that end.
          (sql) => sql`
            with ending as (
              update merchant_secrets set expires_at = ${othersExpireAt}
              where merchant_id = ${merchantId} and (expires_at is null or expires_at > ${othersExpireAt})
            ), added as (
              insert into merchant_secrets (merchant_id, sealed) values (${merchantId}, ${sealed})
              returning merchant_id
            )
            select ${changedMerchant(db)} from merchants m join added on added.merchant_id = m.id`
        )
        .pipe(Effect.asVoid),

    resealSecret: (merchantId, secretId, sealed) =>
      db
        .run(
          (sql) => sql`
            with resealed as (
              update merchant_secrets set sealed = ${sealed} where merchant_id = ${merchantId} and id = ${secretId}
              returning merchant_id
            )
            select ${changedMerchant(db)} from merchants m join resealed on resealed.merchant_id = m.id`
        )
        .pipe(Effect.asVoid),

    secretUsed: (merchantId, secretId, at) =>
      db
        .run(
          (sql) => sql`
            with used as (
              update merchant_secrets set first_used_at = ${at}
              where merchant_id = ${merchantId} and id = ${secretId} and first_used_at is null
              returning merchant_id
            )
            select ${changedMerchant(db)} from merchants m join used on used.merchant_id = m.id`
        )
        .pipe(Effect.asVoid)
  }
}

/** As `signals.changed`, where the statement knows only the merchant's number (`merchants m`). */
const changedMerchant = (db: Database) =>
  db.sql`pg_notify('payhub', json_build_object('kind', 'merchant', 'id', m.app_id)::text)`

const merchantOf = (row: MerchantRow): Merchant => ({
  id: row.id,
  appId: row.app_id,
  name: row.name,
  mode: row.mode,
  active: row.active,
  callbackUrl: row.callback_url,
  allowIps: row.allow_ips,
  throttle: row.throttle,
  accounts: row.accounts,
  createdAt: row.created_at
})

const secretOf = (row: SecretRow): SealedSecret => ({
  id: row.id,
  sealed: row.sealed,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  firstUsedAt: row.first_used_at
})
