-- An order has several events to tell: its payment and each of its refunds. A webhook is unique by what it tells (kind)
-- and of what: subject is the refund's number, or '' for the order itself. The defaults spare a rewrite of the table and
-- let a gateway of the version before go on beside this one. The constraint does not begin with the merchant: to a plan
-- made for an empty outbox, an index that does looks as good as the primary key, and a lease then read the whole backlog.
alter table outbox
  add column kind text collate "C" not null default 'payment' check (kind in ('payment', 'refund')),
  add column subject text collate "C" not null default '';
alter table outbox drop constraint outbox_order;
alter table outbox add constraint outbox_subject unique (order_no, merchant_id, kind, subject);

-- Until when a pay token pays; null = until the order's expiry. Orders of wechat-js-pay pay for ten minutes.
alter table orders add column pay_until timestamptz;
update orders set pay_until = created_at + interval '10 minutes'
where token_hash is not null and status = 0 and order_no like 'WX%' and created_at + interval '10 minutes' < expires_at;
