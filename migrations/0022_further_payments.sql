-- One page may be paid twice. Each further payment is a transaction of its own, beside the attempt whose page it was.
alter table transactions add column further_of uuid references transactions;
-- Recorded once, by the channel's own id of the payment, however often it is told of.
create unique index one_row_a_further_payment on transactions
  (business_id, env_mode, payment_channel_slug, channel_transaction_id) where further_of is not null;
