import { describe, expect, test } from "bun:test"
import * as errors from "../../domain/errors.ts"
import { GATEWAY_ROWS } from "./gateway.ts"
import { ORDER_ROWS } from "./order.ts"
import { PAYER_ROWS } from "./payer.ts"
import { REQUEST_ROWS } from "./request.ts"
import { casesOf, type Row } from "./row.ts"
import { ROWS } from "./rows.ts"

describe("The rows of errors", () => {
  test("cover each error of the domain exactly once", () => {
    const names = [REQUEST_ROWS, ORDER_ROWS, PAYER_ROWS, GATEWAY_ROWS].flatMap((rows) => Object.keys(rows))
    expect(names.toSorted()).toEqual(Object.keys(errors).toSorted())
  })

  test("are documented under their own tag", () => {
    for (const [tag, row] of Object.entries(ROWS)) {
      const cases = casesOf(row as Row<errors.CashierError>)
      expect(cases.map(({ error }) => error._tag)).toEqual(cases.map(() => tag as errors.CashierError["_tag"]))
    }
  })
})
