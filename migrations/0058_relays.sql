-- How often it was relayed: attempts that came of failing over are none, and are no relays.
alter table payment_requests add column relays integer not null default 0;
