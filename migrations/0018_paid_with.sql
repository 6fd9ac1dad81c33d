-- What a period was paid with: that payment is never given back by itself, only what came beyond it.
alter table subscription_periods add column paid_transaction_id uuid;
update subscription_periods p set paid_transaction_id = t.id from transactions t
  where p.status = 'paid' and t.payment_request_id = p.payment_request_id and t.status = 'successful';
alter table subscription_periods
  add foreign key (paid_transaction_id) references transactions (id),
  -- Not checked on rows that were there before.
  add constraint paid_with_a_payment check ((status = 'paid') = (paid_transaction_id is not null)) not valid;
create index subscription_periods_paid_with on subscription_periods (paid_transaction_id)
  where paid_transaction_id is not null;
