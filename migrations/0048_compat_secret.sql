-- The header AsyncPay-Secret gets a value of its own, which signs nothing. Endpoints from before go on sending their
-- signing secret there until it is rolled; so does the business's own, whose one secret `keys` shows.
alter table webhook_endpoints add column has_compat_secret boolean not null default false;
