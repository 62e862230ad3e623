-- Charges of which nobody knows whether their channel took them; few. The backlog begins with these.
create index charges_uncertain on charges (merchant_id, order_no) where outcome = 'uncertain';
