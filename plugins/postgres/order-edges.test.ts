import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { ORDER_EDGES, ORDER_STATUS, type OrderStatus } from "../../core/domain/order.ts"

/*
 * A statement that changes an order's status names its edge in a comment above it: `-- PENDING → FAILED | CLOSED`. Each
 * must be an edge of ORDER_EDGES, and the statement's numbers must be the ones that the comment names.
 */

interface Change {
  readonly from: string
  readonly to: ReadonlyArray<string>
  /** What the statement sets: a number, or an expression of the program. */
  readonly sets: string
  /** The statuses that its condition holds for. */
  readonly where: ReadonlyArray<string>
}

/** Every `update orders set … status = …` of a source; without a comment its edge is empty. */
const changesIn = (source: string): ReadonlyArray<Change> =>
  [
    ...source.matchAll(
      /(?:--\s*(?<edge>[^\n]*)\n\s*)?update orders(?:\s+\w+)?\s+set\s(?<set>[\s\S]*?)\bwhere\b(?<where>[\s\S]*?)(?:\breturning\b|`|$)/gi
    )
  ]
    .map(({ groups }) => ({ edge: groups?.edge ?? "", set: groups?.set ?? "", where: groups?.where ?? "" }))
    .filter(({ set }) => /\bstatus\s*=/.test(set))
    .map(({ edge, set, where }) => {
      const [from = "", to = ""] = edge.split("→")
      return {
        from: from.trim(),
        to: to.split("|").map((name) => name.trim()),
        sets: /\bstatus\s*=\s*(\$\{[^}]*\}|\d+)/.exec(set)?.[1] ?? "",
        where: [...where.matchAll(/\bstatus\s*=\s*(\d+)/g)].map(([, status]) => status ?? "")
      }
    })

const isStatus = (name: string): name is OrderStatus => Object.hasOwn(ORDER_STATUS, name)

/** What is wrong with a change; empty = nothing. */
const faultsOf = ({ from, to, sets, where }: Change): ReadonlyArray<string> => {
  if (!isStatus(from)) return [`"${from}" is not a status`]
  const wrong = to.filter((name) => !isStatus(name) || !ORDER_EDGES[from].includes(name))
  const faults = wrong.map((name) => `${from} does not lead to ${name}`)
  if (where.join() !== String(ORDER_STATUS[from])) faults.push(`the condition is not status = ${ORDER_STATUS[from]}`)
  const [only = "", ...others] = to
  const isRight =
    others.length === 0 && isStatus(only)
      ? sets === String(ORDER_STATUS[only])
      : /^\$\{ORDER_STATUS\[\w+\]\}$/.test(sets)
  if (!isRight) faults.push(`it sets ${sets}`)
  return faults
}

const sources = readdirSync(import.meta.dir)
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "fixture.ts")
  .map((name) => ({ name, text: readFileSync(join(import.meta.dir, name), "utf8") }))

test("every statement that changes an order's status goes along an edge of ORDER_EDGES", () => {
  const changes = sources.flatMap(({ name, text }) => changesIn(text).map((change) => ({ name, change })))
  expect(changes.map(({ name }) => name).sort()).toEqual(["orders.ts", "settlements.ts"])
  expect(changes.flatMap(({ name, change }) => faultsOf(change).map((fault) => `${name}: ${fault}`))).toEqual([])
})

test("no edge is written by two statements, and only a refund's has none yet", () => {
  const written = sources
    .flatMap(({ text }) => changesIn(text))
    .flatMap(({ from, to }) => to.map((name) => `${from} → ${name}`))
  const edges = Object.entries(ORDER_EDGES).flatMap(([from, to]) => to.map((name) => `${from} → ${name}`))
  expect(edges.filter((edge) => !written.includes(edge))).toEqual(["PAID → REFUNDED"])
  expect(new Set(written).size).toBe(written.length)
})

describe("a statement is refused", () => {
  const statement = (edge: string, set: string, where: string) =>
    changesIn(`${edge}\nupdate orders set status = ${set}, next_check_at = null where order_no = 'x' and ${where}`)
  test.each([
    ["without its edge", "", "1", "status = 0"],
    ["along no edge", "-- CLOSED → PAID", "1", "status = 4"],
    ["to a status that is none", "-- PENDING → DONE", "1", "status = 0"],
    ["that sets another number than its edge", "-- PENDING → PAID", "2", "status = 0"],
    ["from another number than its edge", "-- PENDING → PAID", "1", "status = 4"],
    ["from any status", "-- PENDING → PAID", "1", "true"]
  ])("%s", (_, edge, set, where) => {
    const [change] = statement(edge, set, where)
    expect(change === undefined ? [] : faultsOf(change)).not.toEqual([])
  })

  test("and a right one is not", () => {
    const [change] = statement("-- PENDING → PAID", "1", "status = 0")
    expect(change === undefined ? undefined : faultsOf(change)).toEqual([])
  })
})
