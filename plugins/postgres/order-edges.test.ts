import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { ORDER_EDGES, ORDER_STATUS, type OrderStatus } from "../../core/domain/order.ts"
import type { Orders } from "../../core/pipeline/persistence/orders.ts"

/*
 * The store's statements and the core's state machine say the same. A statement that changes an order's status names
 * its edge in a comment above it, `-- PENDING → PAID`, and its condition lets it travel that edge only.
 */

/** What `Orders.end` may ask for: the one statement whose new status is not written in it. */
const ENDS: { readonly [S in Parameters<Orders["Service"]["end"]>[1]]: true } = { FAILED: true, CLOSED: true }

/** Every statement that updates orders, with the line of SQL above it. */
const updatesOf = (text: string): ReadonlyArray<{ readonly above: string; readonly statement: string }> =>
  [
    ...text.matchAll(/([^\n]*)\n?[^\S\n]*(?:\w+\.)?\bupdate\s+(?:only\s+)?orders\b([^`;]*?)(?=\breturning\b|[`;]|$)/gi)
  ].map(([, above = "", statement = ""]) => ({ above, statement }))

const isStatus = (name: string | undefined): name is OrderStatus =>
  name !== undefined && Object.hasOwn(ORDER_STATUS, name)

/** What is wrong with the statements of a source text, a sentence each. */
const faultsOf = (text: string): ReadonlyArray<string> => {
  const faults: Array<string> = []
  for (const { above, statement } of updatesOf(text)) {
    const set = /\bset\b([\s\S]*?)(?:\bwhere\b|\bfrom\b|$)/i.exec(statement)?.[1] ?? ""
    if (!/\bstatus\b/i.test(set)) continue
    const [, source, named = ""] = /--\s*(\w+) → (\w+(?: \| \w+)*)\s*$/.exec(above) ?? []
    const targets = named.split(" | ")
    if (!isStatus(source) || !targets.every(isStatus)) {
      faults.push(`names no edge above it: ${set.trim()}`)
      continue
    }
    for (const target of targets) {
      if (!ORDER_EDGES[source].some((allowed) => allowed === target)) faults.push(`no edge ${source} → ${target}`)
    }
    const written = /\bstatus\s*=\s*(?:\$\{)?(\d+|ORDER_STATUS\[status\])/.exec(set)?.[1]
    const expected = targets.length === 1 ? String(ORDER_STATUS[targets[0] ?? source]) : "ORDER_STATUS[status]"
    if (written !== expected) faults.push(`sets status = ${written}, not ${expected} (${named})`)
    if (targets.length > 1 && targets.toSorted().join() !== Object.keys(ENDS).sort().join()) {
      faults.push(`ends orders as ${Object.keys(ENDS)}, not ${named}`)
    }
    const where = /\bwhere\b([\s\S]*)$/i.exec(statement)?.[1] ?? ""
    const conditions = [...where.matchAll(/\bstatus\s*(?:=\s*(\d+)|[^\s=])/gi)].map(([, number]) => number)
    if (conditions.length !== 1 || conditions[0] !== String(ORDER_STATUS[source])) {
      faults.push(`asks for status = ${conditions}, not ${ORDER_STATUS[source]} (${source})`)
    }
    if (/\bor\b/i.test(where)) faults.push("asks for a status or something else")
  }
  if (/\bmerge\s+into\s+orders\b/i.test(text)) faults.push("merges into orders, which this test cannot read")
  for (const [insert] of text.matchAll(/\binsert\s+into\s+orders\b[^`;]*/gi)) {
    if (/\bstatus\b/i.test(insert.split(")")[0] ?? ""))
      faults.push("inserts an order with a status; it is born PENDING")
    if (/\bdo\s+update\b/i.test(insert)) faults.push("updates orders on a conflict, which this test cannot read")
  }
  return faults
}

/** The statements of this folder: sources and migrations. */
const files = readdirSync(import.meta.dir, { recursive: true, encoding: "utf8" }).filter(
  (path) => /\.(ts|sql)$/.test(path) && !/\.test\.ts$|fixture\.ts$/.test(path)
)
const read = (path: string) => readFileSync(join(import.meta.dir, path), "utf8")

test("every statement that changes an order's status travels an edge of ORDER_EDGES", () => {
  expect(files.length).toBeGreaterThan(20)
  expect(files.flatMap((path) => faultsOf(read(path)).map((fault) => `${path}: ${fault}`))).toEqual([])
})

test("the edges that statements name are those that the core has use cases for, each once", () => {
  const named = files.flatMap((path) =>
    updatesOf(read(path)).flatMap(({ above }) => /--\s*(\w+ → [\w |]+?)\s*$/.exec(above)?.[1] ?? [])
  )
  expect(named.sort()).toEqual(["PENDING → FAILED | CLOSED", "PENDING → PAID"])
})

describe("this test sees", () => {
  const settled =
    "-- PENDING → PAID\n  update orders set\n status = 1, paid_at = now()\n where order_no = 'QR1' and status = 0"

  test.each([
    ["a statement that is right", settled, []],
    ["one with an alias", "-- PENDING → PAID\nupdate orders o set status = 1 from x where o.status = 0", []],
    ["one that leaves the status alone", "update orders set openid = 1 where status = 0", []],
    [
      "two in one text, the second wrong",
      `${settled} returning 1\`\n \`update orders set status = 4\``,
      ["names no edge"]
    ],
    ["a missing comment", "update orders set status = 1 where status = 0", ["names no edge"]],
    ["a comment that names no edge", "-- pays it\nupdate orders set status = 1 where status = 0", ["names no edge"]],
    ["an unknown state", "-- PENDING → LOST\nupdate orders set status = 1 where status = 0", ["names no edge"]],
    ["a status among other columns", "update orders set (paid_at, status) = (now(), 1)", ["names no edge"]],
    [
      "an edge that is none",
      "-- PAID → CLOSED\nupdate orders set status = 4 where status = 1",
      ["no edge PAID → CLOSED"]
    ],
    ["the wrong new number", settled.replace("status = 1", "status = 2"), ["sets status = 2, not 1"]],
    ["the wrong old number", settled.replace("status = 0", "status = 4"), ["asks for status = 4, not 0"]],
    ["no condition", "-- PENDING → PAID\nupdate orders set status = 1", ["asks for status = , not 0"]],
    ["a condition that is none", settled.replace("status = 0", "status <> 1"), ["asks for status = , not 0"]],
    ["a way around the condition", `${settled} or true`, ["asks for a status or something else"]],
    [
      "more states than the statement can set",
      `-- PENDING → PAID | CLOSED\nupdate orders set status = \${ORDER_STATUS[status]} where status = 0`,
      ["ends orders as FAILED,CLOSED"]
    ],
    ["an order that is born paid", "insert into orders (order_no, status) values ('1', 1)", ["inserts an order"]],
    [
      "an upsert",
      "insert into orders (order_no) values ('1') on conflict do update set status = 1",
      ["updates orders on"]
    ],
    ["a merge", "merge into orders using x on true when matched then update set status = 1", ["merges into orders"]]
  ])("%s", (_, text, expected) => {
    const faults = faultsOf(text)
    expect(faults.map((fault, i) => fault.startsWith(expected[i] ?? "nothing"))).toEqual(expected.map(() => true))
    expect(faults).toHaveLength(expected.length)
  })
})
