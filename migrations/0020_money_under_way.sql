-- Money on its way is a state of its own: the payer has paid, and the provider has not got it yet.
alter table transactions drop constraint transactions_status_check;
alter table transactions add constraint transactions_status_check check
  (status in ('pending', 'processing', 'successful', 'failed', 'voided', 'expired', 'unknown', 'excess'));
-- There is no unique index for it: a payer may have sent money on two pages of one request, and both are then so. One
-- success a request still holds.
-- Until when this way to pay may take, by the provider's documents; null: no money was ever on its way.
alter table transactions add column processing_until timestamptz;
