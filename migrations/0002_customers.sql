create table customers (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  customer_id text not null,
  email text not null,
  first_name text,
  last_name text,
  name text,
  phone_code text,
  phone_number text,
  address_line_1 text,
  address_line_2 text,
  city text,
  state text,
  zip text,
  country text,
  external_customer_ids jsonb,
  meta_data jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  foreign key (business_id, env_mode) references business_modes,
  -- Lets other tables point at a customer of their own business and mode only.
  unique (business_id, env_mode, id),
  constraint customers_customer_id_key unique (business_id, env_mode, customer_id)
);
create unique index customers_email_key on customers (business_id, env_mode, lower(email)) where deleted_at is null;
