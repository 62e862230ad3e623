-- Leases skip from merchant to merchant, and from account to account, so that one whose share is in use costs a step
-- however much of it is due. A gateway of the previous version that runs beside this one reads all that is due for each
-- lease until it is replaced.
create index outbox_due_of_merchant on outbox (merchant_id, host, take_at) where state = 0;
drop index outbox_due;
create index orders_due_check_of_account on orders (account_id collate "C", next_check_at)
where status = 0 and next_check_at is not null;
drop index orders_due_check;
