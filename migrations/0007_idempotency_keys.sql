-- One row a key: who asked first, what it made, what was answered.
create table idempotency_keys (
  business_id uuid not null,
  env_mode text not null,
  key text not null check (char_length(key) between 1 and 255),
  -- SHA-256 of method, path and body.
  fingerprint bytea not null,
  -- While the first is at work; past it a twin may take over (the first has crashed).
  locked_until timestamptz not null,
  -- What the first had already made, so that a taker-over goes on instead of beginning again.
  object_id uuid,
  response_status integer,
  -- Sealed: an answer may hold what is shown once.
  response_body bytea,
  created_at timestamptz not null,
  constraint idempotency_keys_key primary key (business_id, env_mode, key)
);
-- Old keys lie together: a block range index finds them and costs a create nothing.
create index idempotency_keys_old on idempotency_keys using brin (created_at);
-- Sealed answers do not compress: kept as they are, and in the row itself up to 8 KB.
alter table idempotency_keys alter column response_body set storage external;
alter table idempotency_keys set (toast_tuple_target = 8160);
