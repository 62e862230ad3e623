import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redacted } from "effect"
import { StartRefused } from "../../../core/config/start-refused.ts"
import { readPostgresUrl } from "./url.ts"

const read = (url: string, env: Record<string, string> = {}) => readPostgresUrl(Redacted.make(url), env)

const hosts = (url: string, env: Record<string, string> = {}) =>
  read(url, env).hosts.map((host) => ("path" in host ? host.path : `${host.host} ${host.port}`))

test.each([
  ["postgres://u:p@db/shop", ["db 5432"]],
  ["postgresql://u@db:6000/shop", ["db 6000"]],
  ["postgres://u@[::1]:6000/shop", ["::1 6000"]],
  ["postgres://u@[2001:db8::1]/shop", ["2001:db8::1 5432"]],
  ["postgres://u@a:1,b:2,[::1]:3/shop", ["a 1", "b 2", "::1 3"]],
  ["postgres://u@a,b/shop?port=6000", ["a 6000", "b 6000"]],
  ["postgres://u@%2Frun%2Fpostgresql:6000/shop", ["/run/postgresql/.s.PGSQL.6000"]],
  ["postgres:///shop?host=/run/postgresql&user=u", ["/run/postgresql/.s.PGSQL.5432"]],
  ["postgres://u@localhost:6000/shop?host=/run/postgresql", ["/run/postgresql/.s.PGSQL.6000"]],
  ["postgres://u@db/shop?hostaddr=192.0.2.1", ["192.0.2.1 5432"]]
])("%s leads to %p", (url, expected) => {
  expect(hosts(url)).toEqual(expected)
})

test("user, password and database are decoded; the database is named like the user where the URL has none", () => {
  expect(read("postgres://sho%40p:p%2Fa:ss@db/a%20b")).toMatchObject({
    user: "sho@p",
    password: "p/a:ss",
    database: "a b"
  })
  expect(read("postgres://shop:a@b@db")).toMatchObject({ user: "shop", password: "a@b", database: "shop" })
})

test("libpq's variables stand for what the URL does not say", () => {
  const env = { PGHOST: "a,b", PGPORT: "1,2", PGUSER: "u", PGPASSWORD: "p", PGSSLMODE: "verify-full" }
  expect(hosts("postgres:///shop", env)).toEqual(["a 1", "b 2"])
  expect(read("postgres:///shop", env)).toMatchObject({ user: "u", password: "p", tls: { mode: "verify-full" } })
  expect(hosts("postgres://x@c/shop", { PGHOST: "a" })).toEqual(["c 5432"])
  expect(read("postgres://x@c/shop?sslmode=disable", { PGSSLMODE: "verify-full" }).tls.mode).toBe("disable")
})

test("what consoles and other drivers add is taken", () => {
  const query =
    "channel_binding=prefer&gssencmode=disable&target_session_attrs=read-write&keepalives=1&keepalives_idle=30&" +
    "tcp_user_timeout=5000&pgbouncer=true&connection_limit=5&pool_timeout=10&application_name=shop&" +
    "options=-c%20search_path%3Dpublic&connect_timeout=2"
  expect(read(`postgres://u@db/shop?${query}`)).toMatchObject({
    connectMs: 2_000,
    keepAliveMs: 30_000,
    startup: { application_name: "shop", options: "-c search_path=public" }
  })
  expect(read("postgres://u@db/shop?schema=shop&keepalives=0")).toMatchObject({
    keepAliveMs: null,
    startup: { search_path: "shop" }
  })
})

test("authorities of one's own are checked against, as libpq does", () => {
  const folder = mkdtempSync(join(tmpdir(), "payhub-ca-"))
  const file = join(folder, "ca.crt")
  writeFileSync(file, "PEM")
  const tls = (query: string) => read(`postgres://u@db/shop?${query}`).tls
  expect(tls(`sslmode=require&sslrootcert=${file}`)).toMatchObject({ mode: "verify-ca", ca: "PEM" })
  expect(tls(`sslmode=verify-full&sslrootcert=${file}`)).toMatchObject({ mode: "verify-full", ca: "PEM" })
  expect(tls("sslmode=require&sslrootcert=system")).toMatchObject({ mode: "verify-full", ca: undefined })
  expect(tls("sslmode=disable&sslrootcert=system").mode).toBe("disable")
  rmSync(folder, { recursive: true })
})

test.each([
  ["postgres://u@db/shop?sslmod=require", "sslmod"],
  ["postgres://u@db/shop?sslmode=strict", "sslmode=strict"],
  ["postgres://u@db/shop?channel_binding=require", "channel_binding=require"],
  ["postgres://u@db/shop?gssencmode=require", "gssencmode=require"],
  ["postgres://u@db/shop?target_session_attrs=standby", "target_session_attrs=standby"],
  ["postgres://u@db/shop?client_encoding=GBK", "client_encoding=GBK"],
  ["postgres://u@db/shop?sslmode=verify-ca&sslrootcert=/nowhere/ca.crt", "sslrootcert"],
  ["postgres://u@db/shop?passfile=/p", "passfile"],
  ["postgres://u@::1/shop", "brackets"],
  ["postgres://u@a,b/shop?port=1,2,3", "ports"],
  ["postgres://u@db:port/shop", "port"],
  ["postgres://u:%zz@db/shop", "%"],
  ["postgres://db/shop", "user"]
])("%s is refused by name, without its password", (url, named) => {
  let refused: unknown
  try {
    read(url.replace("u@", "u:hidden-word@"))
  } catch (error) {
    refused = error
  }
  expect(refused).toBeInstanceOf(StartRefused)
  expect((refused as StartRefused).message).toContain(named)
  expect((refused as StartRefused).message).not.toContain("hidden-word")
})
