-- An order may have several webhooks: one for its payment and one for each refund. A webhook is unique by its kind and
-- its subject, which is the refund's number, or '' for the order itself. The defaults avoid a rewrite of the table and
-- let a gateway of the previous version run beside this one. The constraint does not begin with merchant_id: to a plan
-- made for an empty outbox, an index that does looks as good as the primary key, and a lease then read the whole
-- backlog.
alter table outbox
  add column kind text collate "C" not null default 'payment' check (kind in ('payment', 'refund')),
  add column subject text collate "C" not null default '';
alter table outbox drop constraint outbox_order;
alter table outbox add constraint outbox_subject unique (order_no, merchant_id, kind, subject);

-- When the pay token stops paying; null = at the order's expiry. Tokens of wechat-js-pay pay for ten minutes.
alter table orders add column pay_until timestamptz;
update orders set pay_until = created_at + interval '10 minutes'
where token_hash is not null and status = 0 and order_no like 'WX%' and created_at + interval '10 minutes' < expires_at;
