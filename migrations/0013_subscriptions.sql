-- Subscriptions and their billed periods; the hold of a test clock while somebody moves it; due times by mode.
create table subscriptions (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  customer_id uuid not null,
  subscription_plan_id uuid not null,
  -- What renewals charge; null: the customer's default method.
  payment_method_id uuid,
  status text not null check (status in ('trialing', 'active', 'past_due', 'paused', 'cancelled', 'expired')),
  -- How periods are counted: period n ends n - anchor_number + 1 periods after anchor_at, on these terms. A plan whose
  -- terms change is followed from the next period on, which becomes the anchor.
  anchor_at timestamptz not null,
  anchor_number integer not null check (anchor_number > 0),
  "interval" text not null check ("interval" in ('daily', 'weekly', 'monthly', 'quarterly', 'biannually', 'annually')),
  interval_count integer not null check (interval_count > 0),
  billing_calendar text not null check (billing_calendar in ('fixed_days', 'calendar')),
  time_zone text not null,
  -- The number of the newest period; 0: none yet.
  period_number integer not null default 0 check (period_number >= 0),
  trial_ends_at timestamptz,
  -- What is paid for, or the trial.
  current_period_start timestamptz not null,
  current_period_end timestamptz not null,
  -- When the engine looks at it next, and when the customer is told of the coming renewal; null: never.
  next_due_at timestamptz,
  remind_at timestamptz,
  -- Ends then instead of renewing.
  cancels_at timestamptz,
  cancelled_at timestamptz,
  paused_at timestamptz,
  ended_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  foreign key (business_id, env_mode, customer_id) references customers (business_id, env_mode, id),
  foreign key (business_id, env_mode, subscription_plan_id) references subscription_plans (business_id, env_mode, id),
  foreign key (business_id, env_mode, payment_method_id) references payment_methods (business_id, env_mode, id),
  check (current_period_end > current_period_start),
  check ((status in ('cancelled', 'expired')) = (ended_at is not null)),
  check (status not in ('paused', 'cancelled', 'expired') or (next_due_at is null and remind_at is null)),
  -- Also the order of lists: newest first is this index read backwards.
  unique (business_id, env_mode, id)
);
create unique index one_subscription_a_plan on subscriptions (customer_id, subscription_plan_id)
  where status not in ('cancelled', 'expired');
create index subscriptions_of_customer on subscriptions (customer_id, id desc);
create index subscriptions_of_plan on subscriptions (subscription_plan_id, status);
create index subscriptions_due on subscriptions (env_mode, next_due_at) include (business_id) where next_due_at is not null;
create index subscriptions_to_remind on subscriptions (env_mode, remind_at) include (business_id) where remind_at is not null;

create table subscription_periods (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  subscription_id uuid not null,
  -- The plan that it was billed for.
  subscription_plan_id uuid not null,
  number integer not null check (number > 0),
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  currency text not null,
  amount_minor bigint not null check (amount_minor > 0),
  -- 'open': its payment request is being paid; 'unpaid': given up.
  status text not null check (status in ('open', 'paid', 'unpaid')),
  -- Every try of every kind to pay it is an attempt of this one request, which counts one success at most.
  payment_request_id uuid not null,
  -- Refusals that were told of. When it is tried again goes by the days since the first.
  refusals integer not null default 0 check (refusals >= 0),
  -- The newest refused attempt of them.
  refused_transaction_id uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  foreign key (business_id, env_mode, subscription_id) references subscriptions (business_id, env_mode, id),
  foreign key (business_id, env_mode, payment_request_id) references payment_requests (business_id, env_mode, id),
  check (ends_at > starts_at),
  -- Each period is billed once.
  constraint one_billing_a_period unique (subscription_id, number),
  constraint one_period_a_start unique (subscription_id, starts_at)
);
create unique index one_open_period_a_subscription on subscription_periods (subscription_id) where status = 'open';
create index subscription_periods_of_request on subscription_periods (payment_request_id);
create index subscription_periods_paid on subscription_periods (subscription_plan_id) where status = 'paid';

alter table payment_requests
  -- When its subscription is told of what became of it; null: nothing to tell.
  add column follow_up_due_at timestamptz,
  -- The method that its payment left.
  add column saved_method_id uuid,
  add foreign key (business_id, env_mode, subscription_id) references subscriptions (business_id, env_mode, id);
create index payment_requests_to_follow_up on payment_requests (env_mode, follow_up_due_at) include (business_id)
  where follow_up_due_at is not null;
create index payment_requests_of_subscription on payment_requests (subscription_id, id) where subscription_id is not null;

-- How a charge of a saved method was refused: 'hard', no later try can turn it; 'payer', the payer must be present.
alter table transactions add column refusal text check (refusal in ('soft', 'hard', 'payer'));

-- 'not_owed': a payment that bought nothing, such as a second one for the same subscription.
alter table refunds drop constraint refunds_origin_check;
alter table refunds add constraint refunds_origin_check check (origin in ('excess', 'saved_method', 'not_owed'));
drop index one_refund_of_its_origin;
create unique index one_refund_of_its_origin on refunds (transaction_id, origin)
  where origin in ('excess', 'saved_method', 'not_owed');

-- Who moves the test clock, in real time: until then nobody else works off what is due in this mode. A mover that dies
-- lets go by itself.
alter table business_modes
  add column clock_holder uuid,
  add column clock_held_until timestamptz;
create index business_modes_ahead on business_modes (clock_offset_seconds) where clock_offset_seconds > 0;
create index business_modes_held on business_modes (clock_held_until) where clock_held_until is not null;

-- Due times are in the time of the row's own mode. Live rows and those of test modes are found apart: only a test clock
-- can be ahead, and looking for its rows must not read what lies ahead of all others.
drop index payment_requests_to_expire;
create index payment_requests_to_expire on payment_requests (env_mode, expiry_check_at) include (business_id)
  where expiry_check_at is not null;
drop index transactions_to_check;
create index transactions_to_check on transactions (env_mode, check_at) include (business_id) where check_at is not null;
drop index transactions_to_refund;
create index transactions_to_refund on transactions (env_mode, refund_due_at) include (business_id)
  where refund_due_at is not null;
drop index refunds_to_check;
create index refunds_to_check on refunds (env_mode, check_at) include (business_id) where check_at is not null;
drop index payment_methods_to_forget;
create index payment_methods_to_forget on payment_methods (env_mode, forget_due_at) include (business_id)
  where forget_due_at is not null;

-- Few events wait at any moment; which of them is overdue is a matter of their mode's clock.
drop index events_to_dispatch;
create index events_to_dispatch on events (id) where dispatched_at is null;
