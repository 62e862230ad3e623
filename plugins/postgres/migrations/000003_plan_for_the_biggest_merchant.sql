-- Plans are kept, and most merchants have few orders: by their average, an index that begins with the merchant looks as
-- good as the order's own key, and the one merchant with a hundred thousand orders has them all read for each look-up.
-- So PostgreSQL is to plan as if all rows were one merchant's. Holds from a table's next analysis.
alter table orders alter column merchant_id set (n_distinct = 1);
alter table outbox alter column merchant_id set (n_distinct = 1);
