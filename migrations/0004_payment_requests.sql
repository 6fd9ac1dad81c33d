-- A payment request, its attempts at channels (transactions), and what happened, in words.
create table payment_requests (
  id uuid primary key,
  ref text not null constraint payment_requests_ref_key unique,
  business_id uuid not null,
  env_mode text not null,
  customer_id uuid not null,
  intent text not null check (intent in ('make_payment', 'save_payment_method', 'subscription', 'charge_payment_method')),
  status text not null check (status in ('new', 'open', 'successful', 'failed', 'expired', 'cancelled')),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  amount_minor bigint not null check (amount_minor > 0),
  amount_to_usd text not null,
  usd_per_unit numeric not null,
  description text,
  reference text,
  payment_method text not null default 'Unknown',
  meta_data jsonb,
  success_redirect_url text,
  failure_redirect_url text,
  save_payment_method boolean not null default false,
  is_trial boolean not null default false,
  expires_at timestamptz not null,
  -- When the expiry is looked at next: expires_at, or later while the channel cannot be asked.
  expiry_check_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  -- No foreign key to the customer: its check would lock the customer's row at every payment. The one statement that
  -- inserts takes the id from a customer of the same business and mode, and customers are never deleted for real.
  -- Also the order of lists: version 7 ids sort by time, newest first is this index read backwards.
  unique (business_id, env_mode, id)
);
create unique index payment_requests_reference_key on payment_requests (business_id, env_mode, reference) where reference is not null;
create index payment_requests_of_customer on payment_requests (customer_id, id desc);
create index payment_requests_to_expire on payment_requests (expiry_check_at) where expiry_check_at is not null;

create table transactions (
  id uuid primary key,
  ref text not null constraint transactions_ref_key unique,
  business_id uuid not null,
  env_mode text not null,
  payment_request_id uuid not null,
  payment_channel_slug text not null,
  mode text not null check (mode in ('redirect', 'saved')),
  status text not null check (status in ('pending', 'successful', 'failed', 'voided', 'expired', 'unknown', 'excess')),
  currency text not null,
  amount_minor bigint not null check (amount_minor > 0),
  amount_to_usd text not null,
  usd_per_unit numeric not null,
  description text,
  payment_method text not null default 'Unknown',
  checkout_url text,
  channel_reference text,
  channel_transaction_id text,
  -- What the channel says has arrived, where that is not what was asked.
  received_amount_minor bigint,
  received_currency text,
  reason text,
  opened_at timestamptz,
  -- When the janitor asks the channel next, and how often it has; null: nothing more can come.
  check_at timestamptz,
  check_count integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  foreign key (business_id, env_mode, payment_request_id) references payment_requests (business_id, env_mode, id)
);
create index transactions_of_request on transactions (payment_request_id, id);
create unique index one_success_a_request on transactions (payment_request_id) where status = 'successful';
create unique index one_pending_a_request on transactions (payment_request_id) where status = 'pending';
create index transactions_to_check on transactions (check_at) where check_at is not null;
create index transactions_by_channel_reference on transactions (payment_channel_slug, channel_reference) where channel_reference is not null;

create table timeline_records (
  id uuid not null,
  -- Without foreign keys: every line is written in the statement or transaction that writes or locks its request, and
  -- checking that again was a fifth of a create's time in the database.
  payment_request_id uuid not null,
  transaction_id uuid,
  payment_method text,
  summary text not null,
  status text,
  -- Order of telling; two lines of one instant keep theirs.
  position bigint generated always as identity,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (payment_request_id, position)
);
