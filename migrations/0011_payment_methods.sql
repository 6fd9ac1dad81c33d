-- Cards that a customer let the business charge again, and the charges of them.
create table payment_methods (
  id uuid primary key,
  business_id uuid not null,
  env_mode text not null,
  customer_id uuid not null,
  payment_channel_slug text not null,
  type text not null check (type in ('card')),
  brand text,
  bank text,
  last4 text,
  exp_month integer,
  exp_year integer,
  reusable boolean not null,
  is_default boolean not null default false,
  -- 'unusable': the issuer said that no later charge will do. That a card has expired is read off its date.
  status text not null default 'active' check (status in ('active', 'unusable')),
  -- Same card, same signature; null where the channel tells too little of it.
  signature text,
  -- Token, its owner at the channel and the e-mail that it is bound to, sealed together and bound to this row.
  token_sealed bytea not null,
  -- When the channel is asked next to forget a deleted one, and how often it was; null: nothing is due.
  forget_due_at timestamptz,
  forget_count integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  foreign key (business_id, env_mode, customer_id) references customers (business_id, env_mode, id),
  -- Lets other tables point at a method of their own business and mode only.
  unique (business_id, env_mode, id)
);
create unique index one_method_a_card on payment_methods
  (business_id, env_mode, customer_id, payment_channel_slug, signature) where deleted_at is null;
create unique index one_default_a_customer on payment_methods (customer_id) where is_default and deleted_at is null;
create index payment_methods_of_customer on payment_methods (customer_id, id desc) where deleted_at is null;
create index payment_methods_to_forget on payment_methods (forget_due_at) where forget_due_at is not null;

-- What was charged without the payer, and whether a decline of it ends its request.
alter table transactions
  add column payment_method_id uuid,
  add column ends_request boolean not null default false,
  add foreign key (business_id, env_mode, payment_method_id) references payment_methods (business_id, env_mode, id),
  add check ((mode = 'saved') = (payment_method_id is not null));
-- A charge without an answer is never repeated: not on any request that has one.
create unique index one_unknown_a_request on transactions (payment_request_id) where status = 'unknown';

-- Sums that were only charged to save a method go back, unless the business says otherwise.
alter table business_modes add column refund_save_charges boolean not null default true;
alter table refunds drop constraint refunds_origin_check;
alter table refunds add constraint refunds_origin_check check (origin in ('excess', 'saved_method'));
drop index one_refund_of_excess;
create unique index one_refund_of_its_origin on refunds (transaction_id, origin)
  where origin in ('excess', 'saved_method');
