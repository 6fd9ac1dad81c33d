-- Keys can be told apart, limited, rolled with an overlap, and revoked.
alter table api_keys
  add column label text,
  -- What a secret key opens; a public key opens /v1/sdk alone and has none.
  add column scopes text[] not null default '{}',
  -- Written once a minute at most.
  add column last_used_at timestamptz,
  -- Until when a key that was rolled still opens; null: until it is revoked. Real time.
  add column expires_at timestamptz,
  -- The key that came after it. Checked at the end, because the new one takes over the label of the old one.
  add column replaced_by uuid references api_keys deferrable initially deferred;
update api_keys set label = env_mode || ' ' || kind;
update api_keys set scopes = '{payments,refunds,payouts,read}' where kind = 'secret';
alter table api_keys
  alter column label set not null,
  add constraint api_keys_label_check check (char_length(label) between 1 and 100),
  add constraint api_keys_scopes_check check (
    scopes <@ '{payments,refunds,payouts,read}' and (kind = 'secret') = (cardinality(scopes) > 0)),
  -- The row of a key that was replaced says until when it lived on, or that it did not.
  add constraint api_keys_replaced_check check (
    replaced_by is null or expires_at is not null or revoked_at is not null);
-- A label names one key, and a rolled key passes its label on.
create unique index api_keys_label_key on api_keys (business_id, label) where revoked_at is null and replaced_by is null;
