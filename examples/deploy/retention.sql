-- Deletes records that no payment and no decision rests on any more. Nothing in PayHub runs it: run it as the database's
-- owner, by hand or nightly, while the gateway works:
--   psql "$OWNER_URL" --set ON_ERROR_STOP=1 --file retention.sql
-- It keeps orders, charges, events, trades, ledger entries and webhooks for ever: a late notice, a dispute or a repeated
-- trade number may need each of them years later. README.md says what grows how fast.

set payhub.keep_attempts = '90 days';
set payhub.keep_notices = '400 days';

-- The history of each push of webhooks that are delivered or given up. `payhub webhook list` shows less of them then.
do $$
declare deleted bigint;
begin
  loop
    delete from attempts where ctid = any (array(
      select a.ctid from attempts a join outbox o using (merchant_id, event_id)
      where a.at < now() - current_setting('payhub.keep_attempts')::interval and o.state <> 0
      limit 10000
    ));
    get diagnostics deleted = row_count;
    commit;
    exit when deleted = 0;
  end loop;
end $$;

-- The raw notices of orders that are no longer pending. Keep them as long as a payment can be disputed; their event stays.
do $$
declare deleted bigint;
begin
  loop
    delete from notices where ctid = any (array(
      select n.ctid from notices n join orders o using (merchant_id, order_no)
      where n.received_at < now() - current_setting('payhub.keep_notices')::interval and o.status <> 0
      limit 10000
    ));
    get diagnostics deleted = row_count;
    commit;
    exit when deleted = 0;
  end loop;
end $$;
