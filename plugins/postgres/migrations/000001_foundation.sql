-- Money is bigint in fen, times are instants. Every table of an order leads its key with merchant_id and references no
-- other table, so that the schema distributes by merchant unchanged. Texts that are compared and never shown in order
-- use the C collation: the same everywhere, and the cheapest.

create table merchants (
  id bigint generated always as identity primary key,
  app_id text collate "C" not null unique,
  name text not null,
  mode text not null check (mode in ('live', 'test')),
  active boolean not null default true,
  callback_url text,
  allow_ips jsonb not null default '[]' check (jsonb_typeof(allow_ips) = 'array'),
  -- SQL null = the gateway's default; "off" or {"count", "windowMs"}
  throttle jsonb,
  -- SQL null = every enabled account; ids in order of preference
  accounts jsonb check (jsonb_typeof(accounts) = 'array'),
  created_at timestamptz not null default now()
);

create table merchant_secrets (
  merchant_id bigint not null references merchants,
  id bigint generated always as identity,
  sealed text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  first_used_at timestamptz,
  primary key (merchant_id, id)
);

create table channel_accounts (
  id text collate "C" primary key,
  -- The order in which they were added.
  ordinal bigint generated always as identity,
  provider text not null,
  name text not null,
  enabled boolean not null default true,
  removed boolean not null default false,
  fee_rate_bp integer not null check (fee_rate_bp between 0 and 10000),
  sealed text not null,
  created_at timestamptz not null default now()
);

create table orders (
  merchant_id bigint not null,
  order_no text collate "C" not null,
  merchant_order_no text collate "C" not null,
  channel_code text not null,
  flow text not null,
  provider text not null,
  account_id text not null,
  amount_fen bigint not null check (amount_fen > 0),
  fee_rate_bp integer not null check (fee_rate_bp between 0 and 10000),
  -- ORDER_STATUS: 0 PENDING, 1 PAID, 2 FAILED, 3 REFUNDED, 4 CLOSED
  status smallint not null default 0 check (status between 0 and 4),
  notify_url text not null,
  body text not null,
  extra text not null,
  note text not null,
  client_ip text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  reference jsonb not null,
  -- Orders of wechat-js-pay only.
  token_hash text collate "C",
  jsapi_app_id text,
  mini_program boolean,
  openid text,
  presentation jsonb,
  paid_at timestamptz,
  fee_fen bigint check (fee_fen >= 0),
  actual_fen bigint check (actual_fen >= 0),
  channel_trade_no text,
  flags text[] not null default '{}',
  next_check_at timestamptz,
  -- Tries at a channel so far, and until when one is under way.
  attempts integer not null default 0,
  charging_until timestamptz,
  primary key (merchant_id, order_no),
  constraint orders_merchant_order_no unique (merchant_id, merchant_order_no),
  constraint orders_paid_whole check (
    case when status in (1, 3)
      then paid_at is not null and channel_trade_no is not null and fee_fen is not null and actual_fen is not null
        and actual_fen + fee_fen = amount_fen
      else paid_at is null and channel_trade_no is null and fee_fen is null and actual_fen is null
    end
  )
)
-- Room for what is written later, a JSAPI order's presentation and the payment, in the page that holds the order.
with (fillfactor = 75);

create index orders_order_no on orders (order_no);
create index orders_token_hash on orders (token_hash) where token_hash is not null;
create index orders_newest on orders (merchant_id, created_at desc);
create index orders_flagged on orders (created_at desc) where flags <> '{}';
-- Only what reconcile may have to ask about; settled orders (all but a few) stay out of it.
create index orders_due_check on orders (next_check_at) where status = 0 and next_check_at is not null;

-- Nobody asks about these any more; few or none.
create index orders_abandoned on orders (created_at) where status = 0 and next_check_at is null;

-- One row for each try at a channel.
create table charges (
  merchant_id bigint not null,
  order_no text collate "C" not null,
  attempt integer not null check (attempt > 0),
  provider text not null,
  account_id text not null,
  at timestamptz not null,
  duration_ms bigint not null,
  outcome text not null check (outcome in ('accepted', 'rejected', 'uncertain')),
  detail jsonb not null,
  primary key (merchant_id, order_no, attempt)
);

-- What happened to an order. That it was created is its own row in orders.
create table events (
  merchant_id bigint not null,
  order_no text collate "C" not null,
  id bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  kind text not null,
  detail jsonb not null,
  -- What must be told once only, however often a channel repeats it.
  once text,
  primary key (merchant_id, order_no, id)
);
create unique index events_once on events (merchant_id, order_no, once) where once is not null;

-- Notices that a decision rests on, as they came.
create table notices (
  merchant_id bigint not null,
  order_no text collate "C" not null,
  id bigint generated always as identity,
  account_id text not null,
  received_at timestamptz not null,
  headers jsonb not null,
  body bytea not null,
  primary key (merchant_id, order_no, id)
);

-- Verified notices that name no order of the account.
create table stray_notices (
  account_id text not null,
  order_no text collate "C" not null,
  digest bytea not null,
  received_at timestamptz not null,
  headers jsonb not null,
  body bytea not null,
  detail jsonb not null,
  primary key (account_id, order_no, digest)
);

-- One trade number of a channel credits one order: the key is the guard.
create table trades (
  provider text collate "C" not null,
  trade_no text collate "C" not null,
  merchant_id bigint not null,
  order_no text collate "C" not null,
  at timestamptz not null default now(),
  primary key (provider, trade_no)
);

-- A settlement's entries add up to zero.
create table ledger_entries (
  merchant_id bigint not null,
  order_no text collate "C" not null,
  id bigint generated always as identity,
  at timestamptz not null default now(),
  -- channel: what the provider owes (debit, below zero); merchant and fee: who it is owed to (credit)
  account text not null check (account in ('channel', 'merchant', 'fee')),
  account_id text not null,
  amount_fen bigint not null check (amount_fen <> 0),
  primary key (merchant_id, order_no, id)
);

-- Webhooks to push. A webhook must survive a crash between "paid" and "pushed", so settling writes it.
create table outbox (
  merchant_id bigint not null,
  event_id text collate "C" not null,
  order_no text collate "C" not null,
  url text not null,
  host text collate "C" not null,
  body text not null,
  -- 0 due, 1 delivered, 2 dead
  state smallint not null default 0 check (state between 0 and 2),
  attempts integer not null default 0,
  round integer not null default 0,
  due_at timestamptz not null default now(),
  -- When a sender may take it: due_at, or the end of the lease that one holds.
  take_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  primary key (merchant_id, event_id),
  constraint outbox_order unique (merchant_id, order_no)
);
create index outbox_due on outbox (host, take_at) where state = 0;
create index outbox_newest on outbox (created_at desc);
create index outbox_dead on outbox (created_at desc) where state = 2;

create table attempts (
  merchant_id bigint not null,
  event_id text collate "C" not null,
  attempt integer not null,
  order_no text collate "C" not null,
  at timestamptz not null,
  duration_ms bigint not null,
  status integer,
  detail text not null,
  primary key (merchant_id, event_id, attempt)
);

-- Small facts that channels keep (tokens, certificates): each channel's own JSON.
create table channel_book (
  provider text collate "C" not null,
  key text collate "C" not null,
  value jsonb not null,
  version bigint not null default 1,
  updated_at timestamptz not null default now(),
  primary key (provider, key)
);
