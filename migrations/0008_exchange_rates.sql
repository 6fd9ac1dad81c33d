-- US dollars for one major unit, for `amount_to_usd` alone; the rate used is kept with each row.
create table exchange_rates (
  currency text primary key check (currency ~ '^[A-Z]{3}$'),
  usd_per_unit numeric not null check (usd_per_unit > 0),
  as_of date not null,
  source text not null,
  updated_at timestamptz not null
);
