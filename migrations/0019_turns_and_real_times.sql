-- Relays of one request go one after the other, without a lock over the channel's call: whose turn it is, and until when
-- at most. Real time, like every lease.
alter table payment_requests
  add column relay_holder uuid,
  add column relaying_until timestamptz;

-- When a channel was told, in real time: providers do not live by a test clock, so what is due to be known there is
-- counted from here. Null in rows of before, and for pages.
alter table transactions add column sent_at timestamptz;
alter table refunds add column sent_at timestamptz;
