import { expect, test } from "bun:test"
import { envelope, frameworkError } from "./envelope.ts"
import { FRAMEWORK } from "./errors/gateway.ts"

const context = (requestId: string) => ({ requestId, language: "en" as const })

test("an answer has its own request id and headers, whatever the answers before it", async () => {
  const first = envelope(context("req_1"), 429, "later", null, { "retry-after": "5" })
  const second = envelope(context("req_2"), 200, "ok", { a: 1 })
  second.headers.set("access-control-allow-origin", "*")
  const third = frameworkError(context("req_3"), FRAMEWORK.methodNotAllowed, { allow: "POST" })
  const common = {
    "cache-control": "no-store",
    "content-type": "application/json; charset=utf-8",
    "x-content-type-options": "nosniff"
  }
  expect(Object.fromEntries(first.headers)).toEqual({ ...common, "x-request-id": "req_1", "retry-after": "5" })
  expect(Object.fromEntries(second.headers)).toEqual({
    ...common,
    "x-request-id": "req_2",
    "access-control-allow-origin": "*"
  })
  expect(Object.fromEntries(third.headers)).toEqual({ ...common, "x-request-id": "req_3", allow: "POST" })
  expect([first.status, second.status, third.status]).toEqual([429, 200, 405])
  expect(await second.json()).toEqual({ code: 200, message: "ok", data: { a: 1 } })
})
