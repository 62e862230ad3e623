import type postgres from "postgres"
import { ORDER_EDGES, ORDER_STATUS, type OrderStatus } from "../../core/domain/order.ts"
import { sqlOf } from "./postgres.ts"

/*
 * The money promises as queries to the database itself, past the gateway. The same audit ends every suite of tests/money
 * and every run of tests/faults.
 */

/** A broken promise and the order that shows it. */
export interface Breach {
  readonly promise: string
  readonly orderNo: string
  readonly detail: string
}

export interface Audit {
  readonly sql: postgres.Sql
  /** Every promise that the database shows broken. Tests expect none. */
  readonly breaches: () => Promise<ReadonlyArray<Breach>>
  /** The order's changes of status so far, such as ["PENDING", "PAID"]. */
  readonly edges: (orderNo: string) => Promise<ReadonlyArray<readonly [OrderStatus, OrderStatus]>>
  /** Makes the order an hour older, and so expired, and due for reconcile at once. */
  readonly expire: (orderNo: string) => Promise<void>
  /** Ends leases whose holder is gone: the 60 s of charges and 90 s of reconcile, with "all" the 23 s of webhooks too. */
  readonly endLeases: (of: "reconcile" | "all") => Promise<void>
  readonly close: () => Promise<void>
}

const NAMES = new Map(Object.entries(ORDER_STATUS).map(([name, number]) => [number as number, name as OrderStatus]))

/** Opens the audit on a migrated database and begins to record every change of an order's status. */
export const startAudit = async (databaseUrl: string): Promise<Audit> => {
  const sql = sqlOf(databaseUrl, { max: 2, onnotice: () => {}, connection: { TimeZone: "UTC" } })
  // The trigger writes as its owner: the gateway's role has no rights on the audit's table.
  await sql.unsafe(`
    create table if not exists audit_edges (
      id bigint generated always as identity, order_no text not null, before smallint not null, after smallint not null
    );
    create or replace function audit_edge() returns trigger language plpgsql security definer as $$
    begin
      insert into audit_edges (order_no, before, after) values (new.order_no, old.status, new.status);
      return null;
    end $$;
    create or replace trigger audit_edge after update of status on orders
      for each row when (old.status is distinct from new.status) execute function audit_edge();
  `)

  const edgesOf = async (condition: postgres.PendingQuery<postgres.Row[]>) => {
    const rows = await sql<Array<{ order_no: string; before: number; after: number }>>`
      select order_no, before, after from audit_edges ${condition} order by id`
    return rows.map(({ order_no, before, after }) => ({
      orderNo: order_no,
      edge: [NAMES.get(before) ?? "PENDING", NAMES.get(after) ?? "PENDING"] as const
    }))
  }

  return {
    sql,
    breaches: async () => {
      const found: Array<Breach> = []
      for (const { orderNo, edge } of await edgesOf(sql``)) {
        if (!ORDER_EDGES[edge[0]].includes(edge[1])) {
          found.push({ promise: "only allowed state edges", orderNo, detail: edge.join(" → ") })
        }
      }
      for (const [promise, question] of Object.entries(QUESTIONS)) {
        const rows = await sql.unsafe<Array<{ order_no: string; detail: string }>>(question)
        for (const { order_no, detail } of rows) found.push({ promise, orderNo: order_no, detail: String(detail) })
      }
      return found
    },
    edges: async (orderNo) => (await edgesOf(sql`where order_no = ${orderNo}`)).map(({ edge }) => edge),
    expire: async (orderNo) => {
      await sql`
        update orders set created_at = created_at - interval '1 hour', expires_at = now() - interval '31 seconds',
          next_check_at = now()
        where order_no = ${orderNo}`
    },
    endLeases: async (of) => {
      if (of === "all") await sql`update outbox set take_at = due_at where state = 0`
      await sql`
        update orders set charging_until = null, next_check_at = least(next_check_at, now())
        where status = 0 and next_check_at is not null`
    },
    close: () => sql.end()
  }
}

const paid = "o.status in (1, 3)"
const same = "x.merchant_id = o.merchant_id and x.order_no = o.order_no"

/** Each query returns the orders (order_no, detail) that break its promise. */
const QUESTIONS: Readonly<Record<string, string>> = {
  "a PAID order has one webhook, any other order none": `
    select o.order_no, count(x.*)::text as detail from orders o left join outbox x on ${same}
    group by o.merchant_id, o.order_no, o.status having count(x.*) <> (case when ${paid} then 1 else 0 end)`,
  "paid once": `
    select o.order_no, count(x.*)::text as detail from orders o left join events x on ${same} and x.kind = 'paid'
    group by o.merchant_id, o.order_no, o.status having count(x.*) <> (case when ${paid} then 1 else 0 end)`,
  "an order ends once": `
    select x.order_no, count(*)::text as detail from events x where x.kind in ('paid', 'failed', 'closed')
    group by x.merchant_id, x.order_no having count(*) > 1`,
  "one channel trade number credits one order, which carries it": `
    select o.order_no, coalesce(string_agg(x.trade_no, ' '), 'none') as detail
    from orders o left join trades x on ${same}
    group by o.merchant_id, o.order_no, o.status, o.provider, o.channel_trade_no
    having case when ${paid}
      then count(x.*) <> 1 or min(x.trade_no) <> o.channel_trade_no or min(x.provider) <> o.provider
      else count(x.*) <> 0 end`,
  "an order's ledger entries balance to zero and hold its money": `
    select o.order_no, coalesce(string_agg(x.account || ' ' || x.amount_fen, ', '), 'none') as detail
    from orders o left join ledger_entries x on ${same}
    group by o.merchant_id, o.order_no, o.status, o.amount_fen, o.actual_fen, o.fee_fen
    having coalesce(sum(x.amount_fen), 0) <> 0 or case when ${paid}
      then coalesce(sum(x.amount_fen) filter (where x.account = 'channel'), 0) <> -o.amount_fen
        or coalesce(sum(x.amount_fen) filter (where x.account = 'merchant'), 0) <> o.actual_fen
        or coalesce(sum(x.amount_fen) filter (where x.account = 'fee'), 0) <> o.fee_fen
      else count(x.*) <> 0 end`,
  "the whole ledger balances to zero": `
    select 'all' as order_no, sum(amount_fen)::text as detail from ledger_entries having sum(amount_fen) <> 0`,
  "never paid without a verified notice or an authenticated query": `
    select o.order_no, 'no notice kept and no query told' as detail from orders o
    where ${paid} and not exists (select from notices x where ${same})
      and not exists (select from events x where ${same} and x.kind = 'paid' and x.detail->>'source' = 'query')`,
  "a webhook says what its order says": `
    select o.order_no, x.body as detail from orders o join outbox x on ${same}
    where x.body::jsonb->>'order_no' <> o.order_no
      or x.body::jsonb->>'merchant_order_no' <> o.merchant_order_no
      or (x.body::jsonb->>'amount')::numeric * 100 <> o.amount_fen
      or (x.body::jsonb->>'actual_amount')::numeric * 100 <> o.actual_fen
      or x.body::jsonb->>'status' <> '1'
      or x.body::jsonb->>'extra' <> o.extra
      or x.url <> o.notify_url`,
  "an order number is unique": `
    select order_no, count(*)::text as detail from orders group by order_no having count(*) > 1`,
  "a delivered webhook was answered, and a dead one was tried": `
    select o.order_no, o.state::text as detail from outbox o
    where o.state in (1, 2) and o.attempts = 0
      or o.state = 1 and not exists (
        select from attempts a where a.merchant_id = o.merchant_id and a.event_id = o.event_id and a.status = 200)`
}
