import { expect, test } from "bun:test"
import { humanText } from "./human.ts"

test("a list is a table with aligned columns, wide characters too; empty columns are left out", () => {
  const rows = [
    { app_id: "pk_1", name: "茶馆", active: true, url: null, tags: [] },
    { app_id: "pk_22", name: "Tea House", active: false, url: null, tags: [] }
  ]
  expect(humanText(rows, ["app_id", "name", "active", "url", "tags"])).toBe(
    ["APP ID  NAME       ACTIVE", "pk_1    茶馆       yes", "pk_22   Tea House  no"].join("\n")
  )
  expect(humanText([], ["app_id"])).toBe("none")
})

test("an object is a list of its keys; lists of objects inside it are tables, and objects are indented", () => {
  const order = {
    order_no: "QR1",
    paid: null,
    flags: ["a", "b"],
    lines: [{ at: "1", kind: "paid" }],
    set: { key: "k" }
  }
  expect(humanText(order, undefined)).toBe(
    [
      "order no  QR1",
      "paid      -",
      "flags     a, b",
      "",
      "lines",
      "  AT  KIND",
      "  1   paid",
      "",
      "set",
      "  key  k"
    ].join("\n")
  )
})

test("control characters are escaped, and long cells are cut", () => {
  expect(humanText({ note: "a\u001b[2J\nb\u202ec\u009b" }, undefined)).toBe("note  a\\u001b[2J\\nb\\u202ec\\u009b")
  const table = humanText([{ a: "茶".repeat(100), b: "x".repeat(100) }], undefined)
  expect(table).toContain(`${"茶".repeat(35)}…`)
  expect(table).toContain("x".repeat(100))
})
