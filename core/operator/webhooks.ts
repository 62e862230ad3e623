import { Effect, Schema } from "effect"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { Outbox } from "../pipeline/persistence/outbox.ts"
import { findOrder } from "./find.ts"
import { hinted, LIMIT_STANDARD, Limit, OrderNo } from "./inputs.ts"
import { OperatorError, operation } from "./operation.ts"

/** A delivery and its attempts. Times are ISO 8601 in UTC. */
export const WebhookView = Schema.Struct({
  event_id: Schema.String,
  order_no: Schema.String,
  app_id: Schema.String,
  url: Schema.String,
  /** The pushed JSON text, byte for byte. */
  body: Schema.String,
  state: Schema.Literals(["due", "delivered", "dead"]),
  /** Number of pushes so far. */
  pushes: Schema.Number,
  created_at: Schema.String,
  /** When it is pushed next; null = it is not pushed again. */
  due_at: Schema.NullOr(Schema.String),
  attempts: Schema.Array(
    Schema.Struct({
      attempt: Schema.Number,
      at: Schema.String,
      duration_ms: Schema.Number,
      /** null = no answer. */
      status: Schema.NullOr(Schema.Number),
      /** The answer's beginning, or why there was no answer. */
      detail: Schema.String
    })
  )
})

/** The webhook deliveries of a filter, with their merchants' app_ids. */
export const deliveriesOf = (filter: { state?: "dead"; orderNo?: string; limit: number }) =>
  Effect.gen(function* () {
    const merchants = yield* Merchants
    const outbox = yield* Outbox
    const rows = yield* outbox.list(filter)
    const appIds = new Map((yield* merchants.list()).map(({ id, appId }) => [id, appId]))
    return rows.map((row): typeof WebhookView.Type => ({
      event_id: row.eventId,
      order_no: row.orderNo,
      app_id: appIds.get(row.merchantId) ?? "",
      url: row.url,
      body: row.body,
      state: row.state,
      pushes: row.attempts,
      created_at: row.createdAt.toISOString(),
      due_at: row.state === "due" ? row.dueAt.toISOString() : null,
      attempts: row.history.map(({ attempt, at, durationMs, status, detail }) => ({
        attempt,
        at: at.toISOString(),
        duration_ms: durationMs,
        status,
        detail
      }))
    }))
  })

export const webhookList = operation({
  name: "webhook.list",
  summary: "List webhook deliveries with their attempts, newest first",
  permission: "webhooks:read",
  scope: "gateway",
  input: Schema.Struct({
    dead: Schema.optionalKey(hinted(Schema.Boolean, { help: "Only those given up after the last attempt" })),
    orderNo: Schema.optionalKey(
      hinted(Schema.String, { help: "Only deliveries of this order", placeholder: "ORDER_NO", flag: "order" })
    ),
    limit: Schema.optionalKey(hinted(Limit, { help: `1 to 1000 (default: ${LIMIT_STANDARD})`, placeholder: "N" }))
  }),
  output: Schema.Array(WebhookView),
  columns: ["order_no", "app_id", "state", "pushes", "due_at", "url", "attempts"],
  run: (_actor, input) =>
    deliveriesOf({
      limit: input.limit ?? LIMIT_STANDARD,
      ...(input.dead === true ? { state: "dead" as const } : {}),
      ...(input.orderNo === undefined ? {} : { orderNo: input.orderNo })
    })
})

export const webhookResend = operation({
  name: "webhook.resend",
  summary: "Push an order's webhook again now, with the same bytes, in a new round of the schedule",
  permission: "webhooks:write",
  scope: "merchant",
  positional: ["orderNo"],
  input: Schema.Struct({ orderNo: OrderNo }),
  output: Schema.Struct({ order_no: Schema.String, resent: Schema.Literal(true) }),
  afterword: () => "The running gateway pushes it within seconds; `payhub webhook list` shows the answer.",
  run: Effect.fnUntraced(function* (_actor, input) {
    const outbox = yield* Outbox
    const order = yield* findOrder(input.orderNo)
    if (!(yield* outbox.resend(order))) {
      return yield* new OperatorError({
        message: `The order ${input.orderNo} is ${order.status} and has no webhook: only a paid one has.`
      })
    }
    return { order_no: order.orderNo, resent: true as const }
  })
})
