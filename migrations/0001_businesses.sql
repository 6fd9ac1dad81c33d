-- Businesses, their two modes, their API keys, and the append-only record of who changed what.

create table businesses (
  id uuid primary key,
  name text not null check (char_length(name) between 1 and 200),
  logo text,
  business_category text,
  base_currency text not null check (base_currency ~ '^[A-Z]{3}$'),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz
);

create table business_modes (
  business_id uuid not null references businesses,
  env_mode text not null check (env_mode in ('test', 'live')),
  webhook_url text,
  enabled_webhooks boolean not null default false,
  default_redirect_url text,
  send_subscription_mails boolean not null default true,
  -- Names the business and mode in the provider webhooks' address.
  hook_token text not null unique check (char_length(hook_token) = 8),
  -- The test clock runs ahead of real time by this; it only grows, and live time is never moved.
  clock_offset_seconds bigint not null default 0 check (clock_offset_seconds >= 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (business_id, env_mode),
  check (env_mode = 'test' or clock_offset_seconds = 0)
);

create table api_keys (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  kind text not null check (kind in ('secret', 'public')),
  -- Keyed hash: how a presented key is found.
  key_hash bytea not null unique,
  key_sealed bytea not null,
  created_at timestamptz not null,
  revoked_at timestamptz,
  foreign key (business_id, env_mode) references business_modes
);
create index api_keys_of_mode on api_keys (business_id, env_mode);

create table audit_log (
  id bigint generated always as identity primary key,
  business_id uuid not null references businesses,
  env_mode text,
  actor text not null,
  action text not null,
  detail jsonb not null default '{}',
  created_at timestamptz not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name;
end $$;
create trigger audit_log_append_only before update or delete on audit_log
  for each row execute function refuse_change();
