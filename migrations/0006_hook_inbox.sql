-- Provider webhooks: verified, kept once, acted on later.
create table hook_inbox (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  payment_channel_slug text not null,
  -- The provider's event id, or what stands for it.
  event_key text not null,
  event_type text not null,
  -- What to ask the channel about, read from the verified body; null: nothing that concerns us.
  subject jsonb,
  body bytea not null,
  received_at timestamptz not null,
  processed_at timestamptz,
  -- What became of it: acted, ignored, or why not yet.
  outcome text,
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  foreign key (business_id, env_mode) references business_modes,
  unique (business_id, env_mode, payment_channel_slug, event_key)
);
create index hook_inbox_to_do on hook_inbox (next_attempt_at) where processed_at is null and next_attempt_at is not null;
