-- A business's accounts at channels.
create table business_payment_channels (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  payment_channel_slug text not null,
  credentials_sealed bytea not null,
  -- Made with sandbox credentials: always goes to the sandbox.
  is_sandbox boolean not null default false check (not is_sandbox or env_mode = 'test'),
  is_enabled boolean not null default true,
  is_default boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  foreign key (business_id, env_mode) references business_modes,
  unique (business_id, env_mode, payment_channel_slug)
);
create unique index one_default_channel on business_payment_channels (business_id, env_mode) where is_default;
