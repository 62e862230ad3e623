import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { receiverOf } from "../../core/domain/notify-url.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { settlementsSuite } from "../../tests/harness/suites/settlements.ts"
import { orderActs } from "../../tests/harness/suites/store-under-test.ts"
import { until } from "../../tests/harness/until.ts"
import { openPostgres } from "./fixture.ts"

setDefaultTimeout(30_000)

settlementsSuite("PostgreSQL", openPostgres)

describe("settlements in PostgreSQL", () => {
  const on = perTest(openPostgres)
  const { placed, find, end, settle } = orderActs(on)

  test("the notice is kept byte for byte", async () => {
    const order = await placed()
    await settle(order)
    const [notice] = await on().sql`select body from notices where order_no = ${order.orderNo}`
    expect(new TextDecoder().decode(notice?.body)).toBe("the raw notice")
  })

  test("an order that moves while another account's answer waits for it is neither ended nor settled by it", async () => {
    const { sql } = on()
    for (const act of ["end", "settle"] as const) {
      const order = await placed()
      let answer: Promise<unknown> = Promise.resolve()
      await sql.begin(async (moving) => {
        await moving`update orders set account_id = 'acc_2' where order_no = ${order.orderNo}`
        answer = act === "end" ? end(order, "CLOSED", "late") : settle(order)
        await until("the answer waits", async () => {
          const [row] = await sql`
            select count(*)::int as n from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`
          return row?.n === 1
        })
      })
      expect(await answer).toBe(act === "end" ? false : "not-pending")
      expect((await find(order))?.status).toBe("PENDING")
    }
  })
})

test.each([
  ["https://shop.example.com/x", "shop.example.com:443"],
  ["http://shop.example.com/x", "shop.example.com:80"],
  ["http://Shop.example.com:8080/x?y", "shop.example.com:8080"],
  ["http://[::1]/x", "[::1]:80"]
])("the receiver at %s is %s", (url, host) => {
  expect(receiverOf(url)).toBe(host)
})
