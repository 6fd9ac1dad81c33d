-- Plans: what a business sells again and again; and which payment requests are for one.
create table subscription_plans (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  name text not null check (char_length(name) between 1 and 200),
  status text not null check (status in ('active', 'inactive')),
  "interval" text not null check ("interval" in ('daily', 'weekly', 'monthly', 'quarterly', 'biannually', 'annually')),
  -- Null: one.
  interval_count integer check (interval_count > 0),
  -- 'fixed_days': an interval is a number of days; 'calendar': true months, counted in the plan's time zone.
  billing_calendar text not null default 'fixed_days' check (billing_calendar in ('fixed_days', 'calendar')),
  -- IANA name.
  time_zone text not null default 'UTC',
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  amount_minor bigint not null check (amount_minor > 0),
  -- What the first charge is where it differs.
  initial_amount_minor bigint check (initial_amount_minor > 0),
  -- Two digits after the point, by the rate that is kept beside them.
  amount_to_usd text not null,
  initial_amount_to_usd text not null,
  usd_per_unit numeric not null,
  -- Days; null: one interval.
  trial_period integer check (trial_period > 0),
  tags text[],
  send_subscription_mails boolean not null default true,
  meta_data jsonb,
  -- Names the plan in its public page's address.
  link_id text not null constraint subscription_plans_link_id_key unique check (char_length(link_id) = 8),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  foreign key (business_id, env_mode) references business_modes,
  -- Lets other tables point at a plan of their own business and mode only; also the order of lists.
  unique (business_id, env_mode, id)
);
create unique index subscription_plans_name_key on subscription_plans (business_id, env_mode, lower(name))
  where deleted_at is null;

-- Three columns of one table that nothing points back to yet: the plan that is paid for, by how many periods a payment
-- extends a subscription, and the subscription whose period it is.
alter table payment_requests
  add column subscription_plan_id uuid,
  add column extend_subscription_by integer check (extend_subscription_by between 1 and 100),
  add column subscription_id uuid,
  -- A payment without a plan is not checked any further, so this costs a plain create next to nothing.
  add foreign key (business_id, env_mode, subscription_plan_id) references subscription_plans (business_id, env_mode, id),
  add check (extend_subscription_by is null or subscription_plan_id is not null);
