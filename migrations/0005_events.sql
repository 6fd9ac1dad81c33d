-- The outbox: what happened, exactly as it will be sent, and who gets it.
create table events (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  type text not null,
  object_type text not null,
  object_id uuid not null,
  -- Counts the events of one object from 1.
  sequence integer not null check (sequence > 0),
  -- The bytes of every delivery; never changes.
  body text not null,
  created_at timestamptz not null,
  -- When the deliveries were made; null: still to do.
  dispatched_at timestamptz,
  foreign key (business_id, env_mode) references business_modes,
  unique (object_id, sequence)
);
create index events_newest on events (business_id, env_mode, id desc);
create index events_to_dispatch on events (created_at) where dispatched_at is null;

create table webhook_endpoints (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  -- 'business': the one of the business's settings, whose address and switch live there.
  kind text not null check (kind in ('business', 'endpoint')),
  url text check ((kind = 'business') = (url is null)),
  -- Null: all events.
  events text[],
  secret_sealed bytea not null,
  previous_secret_sealed bytea,
  previous_secret_expires_at timestamptz,
  is_enabled boolean not null default true,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  foreign key (business_id, env_mode) references business_modes
);
create unique index one_business_endpoint on webhook_endpoints (business_id, env_mode) where kind = 'business';
create index webhook_endpoints_of_mode on webhook_endpoints (business_id, env_mode, id desc);

create table webhook_deliveries (
  id uuid primary key,
  webhook_endpoint_id uuid not null references webhook_endpoints,
  event_id uuid not null references events,
  object_id uuid not null,
  sequence integer not null,
  status text not null check (status in ('pending', 'delivered', 'exhausted')),
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  -- A worker holds it until then; a crashed one's hold ends by itself.
  locked_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  delivered_at timestamptz,
  unique (webhook_endpoint_id, event_id),
  check ((status = 'pending') = (next_attempt_at is not null))
);
create index webhook_deliveries_due on webhook_deliveries (next_attempt_at) where status = 'pending';
create index webhook_deliveries_waiting on webhook_deliveries (webhook_endpoint_id, object_id, sequence) where status = 'pending';

create table webhook_attempts (
  id bigint generated always as identity primary key,
  webhook_delivery_id uuid not null references webhook_deliveries,
  attempted_at timestamptz not null,
  duration_ms integer not null,
  response_status integer,
  response_excerpt text,
  error text
);
create index webhook_attempts_of_delivery on webhook_attempts (webhook_delivery_id, id);
