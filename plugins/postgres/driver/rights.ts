import type postgres from "postgres"

/** What the gateway's role may do with a table besides reading it. Deleting is for the owner alone. */
interface Rights {
  readonly insert?: true
  /** true = every column but the `fixed` ones. */
  readonly update?: true
  /** Columns that keep the value that they were inserted with. */
  readonly fixed?: ReadonlyArray<string>
}

const READ: Rights = {}
const APPEND: Rights = { insert: true }
const CHANGE: Rights = { insert: true, update: true }

/**
 * The rights of the gateway's role, by table; every table of the migrations has its line. What tells of money, of what
 * happened and of what came in is appended and never changed, and neither is what an order was made for.
 */
export const RIGHTS: Readonly<Record<string, Rights>> = {
  payhub_migrations: READ,
  merchants: CHANGE,
  merchant_secrets: CHANGE,
  channel_accounts: CHANGE,
  orders: {
    ...CHANGE,
    fixed: ["merchant_id", "order_no", "merchant_order_no", "amount_fen", "notify_url", "created_at"]
  },
  charges: APPEND,
  events: APPEND,
  notices: APPEND,
  stray_notices: APPEND,
  trades: APPEND,
  ledger_entries: APPEND,
  outbox: { ...CHANGE, fixed: ["merchant_id", "order_no", "event_id", "body", "created_at"] },
  attempts: APPEND,
  channel_book: CHANGE
}

interface Held {
  readonly name: string
  readonly columns: ReadonlyArray<string>
  /** Privileges on the whole table, in lower case. */
  readonly held: ReadonlyArray<string>
  /** Columns that may be updated by a right of their own. */
  readonly updatable: ReadonlyArray<string>
}

const sorted = (words: ReadonlyArray<string>): string => [...words].sort().join()

/** What the role should hold, in the words of `Held`. */
const wantedOf = (rights: Rights, columns: ReadonlyArray<string>): Pick<Held, "held" | "updatable"> => {
  const { insert, update, fixed = [] } = rights
  const byColumn = update === true && fixed.length > 0
  return {
    held: ["select", ...(insert === true ? ["insert"] : []), ...(update === true && !byColumn ? ["update"] : [])],
    updatable: byColumn ? columns.filter((column) => !fixed.includes(column)) : []
  }
}

/**
 * Gives `role` exactly the rights above, on the tables that exist. Changes nothing where it has them already, because a
 * change makes every gateway on the database plan its statements again. Tables that are not ours are left alone.
 * @param owner a connection of the tables' owner
 */
export const grantRights = async (owner: postgres.Sql, role: string): Promise<void> => {
  const tables = await owner<Held[]>`
    select c.relname as name,
      to_json(array(
        select attname::text from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
      )) as columns,
      to_json(array(
        select lower(a.privilege_type) from aclexplode(c.relacl) a where a.grantee = r.oid
      )) as held,
      to_json(array(
        select t.attname::text from pg_attribute t cross join lateral aclexplode(t.attacl) a
        where t.attrelid = c.oid and not t.attisdropped and a.grantee = r.oid and a.privilege_type = 'UPDATE'
      )) as updatable
    from pg_class c join pg_roles r on r.rolname = ${role}
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`
  const to = quoted(role)
  const statements: string[] = []
  for (const { name, columns, held, updatable } of tables) {
    const rights = RIGHTS[name]
    if (rights === undefined) continue
    const wanted = wantedOf(rights, columns)
    if (sorted(wanted.held) === sorted(held) && sorted(wanted.updatable) === sorted(updatable)) continue
    const table = quoted(name)
    statements.push(`revoke all on ${table} from ${to}`, `grant ${wanted.held.join(", ")} on ${table} to ${to}`)
    if (wanted.updatable.length > 0) {
      statements.push(`grant update (${wanted.updatable.map(quoted).join(", ")}) on ${table} to ${to}`)
    }
  }
  const [schema] = await owner<Array<{ name: string; usable: boolean }>>`
    select current_schema() as name, has_schema_privilege(${role}, current_schema(), 'usage') as usable`
  if (schema?.usable === false) statements.push(`grant usage on schema ${quoted(schema.name)} to ${to}`)
  // One message and so one transaction: another gateway never meets a table between its revoke and its grant.
  if (statements.length > 0) await owner.unsafe(statements.join("; "))
}

/** Tables on which the connection's own role lacks a right that the gateway needs. */
export const lackingRights = async (sql: postgres.Sql): Promise<ReadonlyArray<string>> => {
  const tables = await sql<Array<{ name: string; held: ReadonlyArray<string> }>>`
    select c.relname as name, to_json(array(
      select right_name from unnest(array['select', 'insert', 'update']) right_name
      where case when right_name = 'update' then has_any_column_privilege(c.oid, right_name)
        else has_table_privilege(c.oid, right_name) end
    )) as held
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`
  return tables
    .filter(({ name, held }) => {
      const rights = RIGHTS[name]
      if (rights === undefined) return false
      const needed = [
        "select",
        ...(rights.insert === true ? ["insert"] : []),
        ...(rights.update === true ? ["update"] : [])
      ]
      return needed.some((right) => !held.includes(right))
    })
    .map(({ name }) => name)
}

/** A name as an identifier in a statement. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
