-- A reference that a public key names neither takes nor blocks one of the business's own.
drop index payment_requests_reference_key;
create unique index payment_requests_reference_key on payment_requests
  (business_id, env_mode, reference, (created_by = 'public')) where reference is not null;
