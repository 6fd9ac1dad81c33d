-- Money that does not count goes back by itself; how a business wants its channels ordered.
alter table transactions add column refund_due_at timestamptz;
create index transactions_to_refund on transactions (refund_due_at) where refund_due_at is not null;

alter table business_modes add column route_by text not null default 'default_first'
  check (route_by in ('default_first', 'success_rate'));
-- The sliding window of outcomes that success rates are counted over.
create index transactions_outcomes on transactions (business_id, env_mode, updated_at desc)
  where status in ('successful', 'failed');

create table refunds (
  id uuid primary key,
  ref text not null unique,
  business_id uuid not null,
  env_mode text not null,
  payment_request_id uuid not null,
  transaction_id uuid not null references transactions,
  -- 'excess': made by us for money that does not count.
  origin text not null check (origin in ('excess')),
  status text not null check (status in ('pending', 'unknown', 'successful', 'failed')),
  currency text not null,
  amount_minor bigint not null check (amount_minor > 0),
  reason text,
  channel_reference text,
  failure_reason text,
  -- When the channel is asked next, and how often it was; null: nothing more can come.
  check_at timestamptz,
  check_count integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  foreign key (business_id, env_mode, payment_request_id) references payment_requests (business_id, env_mode, id)
);
create unique index one_refund_of_excess on refunds (transaction_id) where origin = 'excess';
create index refunds_to_check on refunds (check_at) where check_at is not null;
create index refunds_of_request on refunds (payment_request_id, id);
