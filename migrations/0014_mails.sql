-- Mails to buyers: written in the transaction of the state change that they tell of, sent later by a sweep.
create table mails (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  -- One mail a key, whatever is repeated.
  dedupe_key text not null check (char_length(dedupe_key) between 1 and 255),
  template text not null check (
    template in ('welcome', 'receipt', 'renewal_coming', 'payment_failed', 'cancelled', 'portal_link')
  ),
  recipient text not null,
  -- What the template shows, sealed and bound to its row: it may hold links that open something. Kept only until the
  -- mail has its end.
  data_sealed bytea,
  -- 'failed': every try failed, or the recipient's server refused it. 'not_sent': there was no way to send mails.
  status text not null default 'queued' check (status in ('queued', 'sent', 'failed', 'not_sent')),
  attempts integer not null default 0,
  -- Real time, also where the business's clock is ahead: a new mail is due whatever the time. Also the lease.
  next_attempt_at timestamptz not null default '-infinity',
  -- Of the last try; null while one is under way.
  last_error text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  sent_at timestamptz,
  foreign key (business_id, env_mode) references business_modes,
  unique (business_id, env_mode, dedupe_key),
  check ((status = 'sent') = (sent_at is not null)),
  check ((status = 'queued') = (data_sealed is not null))
);
create index mails_due on mails (next_attempt_at) where status = 'queued';
