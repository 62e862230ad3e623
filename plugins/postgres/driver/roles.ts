import type postgres from "postgres"
import { StartRefused } from "../../../core/config/start-refused.ts"
import { codeOf } from "./connection.ts"
import { grantRights, lackingRights, quoted } from "./rights.ts"

/*
 * Who the gateway is to PostgreSQL. The owner of the tables migrates; the gateway runs as a role with the rights of
 * rights.ts and no others, so that a statement of an intruder can neither rewrite what happened nor reach the server's
 * files. With two logins (PAYHUB_OWNER_URL) that is a wall. With one, the gateway takes a role on each connection: that
 * holds whatever the gateway itself runs, while an intruder who can send statements of his own could RESET ROLE.
 */

/** The role that connections take with SET ROLE; null = the login's own rights are used. */
export interface Working {
  readonly role: string | null
  /** What keeps the gateway from working with few rights, and how to change it. */
  readonly warning?: string
}

/**
 * One login. Its role makes a role for this database (roles belong to the whole server, so the name holds the
 * database's number), grants it the gateway's rights and takes it. A login that does not own the tables is the
 * gateway's role itself. Runs under the lock of the migrations, because gateways that start together would make it twice.
 */
export const workUnderOneLogin = async (sql: postgres.Sql): Promise<Working> => {
  const [login] = await sql<Array<{ name: string; owns: boolean; super: boolean; role: string; made: boolean }>>`
    select current_user as name, pg_has_role(c.relowner, 'usage') as owns, me.rolsuper as super, n.role,
      exists (select from pg_roles where rolname = n.role) as made
    from pg_class c
    join pg_roles me on me.rolname = current_user
    join pg_database d on d.datname = current_database()
    cross join lateral (select 'payhub_runtime_' || d.oid) as n(role)
    where c.oid = 'payhub_migrations'::regclass`
  if (login === undefined) throw new Error("payhub_migrations has no owner")
  if (!login.owns) {
    const lacking = await lackingRights(sql)
    if (lacking.length === 0) return { role: null }
    const message =
      `The user in DATABASE_URL lacks rights on ${lacking.join(", ")}; set PAYHUB_OWNER_URL to the URL of the ` +
      "tables' owner, who grants them at the start."
    throw new StartRefused({ variable: "DATABASE_URL", message })
  }
  const role = quoted(login.role)
  try {
    if (!login.made) {
      await sql.unsafe(`create role ${role} nologin${login.super ? "" : `; grant ${role} to current_user`}`)
    }
    await sql.unsafe(`set role ${role}; reset role`)
  } catch (cause) {
    if (!MAY_NOT.has(codeOf(cause))) throw cause
    const warning =
      "The gateway works with all rights of its tables' owner, because the user in DATABASE_URL may not make a role. " +
      `Either set PAYHUB_OWNER_URL, or let an administrator run in this database: ${
        login.made ? "" : `create role ${role} nologin; `
      }grant ${role} to ${quoted(login.name)}; then start the gateway again.`
    return { role: null, warning }
  }
  await grantRights(sql, login.role)
  return { role: login.role }
}

/** insufficient_privilege; invalid_parameter_value, which SET ROLE says of a role that is not one's own. */
const MAY_NOT = new Set(["42501", "22023"])

/**
 * Two logins: the owner grants the gateway's rights to the role of the other one. Rejects with StartRefused where that
 * one is no less than the owner, or in another database.
 */
export const workUnderTwoLogins = async (owner: postgres.Sql, runtime: postgres.Sql): Promise<Working> => {
  // The time to the microsecond at which a server started tells it from every other.
  const here = (sql: postgres.Sql) => sql<Array<{ user: string; database: string }>>`
    select current_user as user, current_database() || ' ' || pg_postmaster_start_time() as database`
  const [[ofOwner], [ofRuntime]] = await Promise.all([here(owner), here(runtime)])
  if (ofOwner === undefined || ofOwner.database !== ofRuntime?.database) {
    throw new StartRefused({
      variable: "PAYHUB_OWNER_URL",
      message: "PAYHUB_OWNER_URL and DATABASE_URL must name the same database."
    })
  }
  const [standing] = await runtime<Array<{ over: boolean }>>`
    select rolsuper or pg_has_role(current_user, ${ofOwner.user}, 'member') as over
    from pg_roles where rolname = current_user`
  if (standing?.over !== false) {
    const message =
      "The user in DATABASE_URL must be another than the owner in PAYHUB_OWNER_URL, no member of it and no superuser."
    throw new StartRefused({ variable: "DATABASE_URL", message })
  }
  await grantRights(owner, ofRuntime.user)
  return { role: null }
}
