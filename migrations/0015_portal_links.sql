-- Links to a customer's own page. The token in the address is a keyed hash of the id: nothing here opens one.
create table portal_links (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  customer_id uuid not null,
  -- Where the customer goes back to.
  return_url text,
  -- Real time, also where the business's clock is ahead.
  expires_at timestamptz not null,
  created_at timestamptz not null,
  foreign key (business_id, env_mode, customer_id) references customers (business_id, env_mode, id)
);
create index portal_links_expired on portal_links (expires_at);
