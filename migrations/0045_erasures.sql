-- Customers whose person is blanked: at once, and again later for what came in meanwhile.
create table erasures (
  customer_id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  requested_at timestamptz not null,
  -- Real time of the next round, and how many there were; null: nothing can come in any more.
  next_at timestamptz,
  rounds integer not null default 0,
  foreign key (business_id, env_mode, customer_id) references customers (business_id, env_mode, id)
);
create index erasures_due on erasures (next_at) where next_at is not null;

-- Whose mail it is, also after their address has changed; null in mails from before this was kept.
alter table mails add column customer_id uuid;
create index mails_of_customer on mails (customer_id) where customer_id is not null;
create index mails_of_recipient on mails (business_id, env_mode, lower(recipient));
create index hook_inbox_reference on hook_inbox (business_id, env_mode, (subject ->> 'reference'));
create index hook_inbox_bodies on hook_inbox (received_at) where body is not null or body_sealed is not null;
create index idempotency_keys_object on idempotency_keys (object_id) where object_id is not null;
