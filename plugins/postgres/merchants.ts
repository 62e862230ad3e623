import { Effect } from "effect"
import type postgres from "postgres"
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

/** Merchants and their secrets. Every change makes all gateways drop the merchant from their caches. */
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

  /** null becomes SQL's null, not JSON's. */
  const orNull = (value: unknown) => (value === null ? sql`null` : sql`${json(value)}::json::jsonb`)

  /** Runs a statement that changes `merchant_secrets` and returns `merchant_id`, and tells every gateway. */
  const changeSecrets = (change: postgres.PendingQuery<postgres.Row[]>) =>
    db
      .run(
        (sql) => sql`
          with changed as (${change})
          select ${signals.merchantChanged} from merchants m join changed on changed.merchant_id = m.id`
      )
      .pipe(Effect.asVoid)

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
      // The no-op assignment at the end keeps the statement valid when nothing changes.
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
          // Both parts read the same snapshot, so the new secret is not among those that expire.
          (sql) => sql`
            with ending as (
              update merchant_secrets set expires_at = ${othersExpireAt}
              where merchant_id = ${merchantId} and (expires_at is null or expires_at > ${othersExpireAt})
            ), added as (
              insert into merchant_secrets (merchant_id, sealed) values (${merchantId}, ${sealed})
              returning merchant_id
            )
            select ${signals.merchantChanged} from merchants m join added on added.merchant_id = m.id`
        )
        .pipe(Effect.asVoid),

    resealSecret: (merchantId, secretId, sealed) =>
      changeSecrets(sql`
        update merchant_secrets set sealed = ${sealed} where merchant_id = ${merchantId} and id = ${secretId}
        returning merchant_id`),

    secretUsed: (merchantId, secretId, at) =>
      changeSecrets(sql`
        update merchant_secrets set first_used_at = ${at}
        where merchant_id = ${merchantId} and id = ${secretId} and first_used_at is null
        returning merchant_id`)
  }
}

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
