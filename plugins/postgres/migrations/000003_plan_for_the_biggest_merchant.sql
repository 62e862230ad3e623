-- Plans are kept, and most merchants have few orders: by their average, an index that begins with the merchant looks as
-- good as the order's own key, and the one merchant with a hundred thousand orders has them all read for each look-up.
-- So PostgreSQL is to plan as if every merchant were the biggest. It does from a table's next analysis: at once where
-- there are rows, while an empty table is better not known to be empty.
alter table orders alter column merchant_id set (n_distinct = 1);
alter table outbox alter column merchant_id set (n_distinct = 1);
do $$
begin
  if exists (select from orders) then analyze orders; end if;
  if exists (select from outbox) then analyze outbox; end if;
end $$;
