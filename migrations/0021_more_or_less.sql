-- What a business wants of money that is more, or less, than was asked.
alter table business_modes
  add column on_overpayment text not null default 'keep' check (on_overpayment in ('keep', 'refund')),
  add column on_underpayment text not null default 'refund' check (on_underpayment in ('refund', 'keep'));

-- What has arrived stands beside what was asked for every payment, also where the two are the same.
update transactions set received_amount_minor = amount_minor, received_currency = currency
  where status = 'successful' and received_amount_minor is null;

alter table transactions
  -- A part of what was asked, kept until the rest is paid.
  add column is_kept boolean not null default false,
  -- Of a payment that counts, only what is over goes back; null: all of it, where anything is due.
  add column refund_due_origin text check (refund_due_origin = 'overpayment');

alter table refunds drop constraint refunds_origin_check;
alter table refunds add constraint refunds_origin_check
  check (origin in ('excess', 'saved_method', 'not_owed', 'overpayment'));
drop index one_refund_of_its_origin;
create unique index one_refund_of_its_origin on refunds (transaction_id, origin)
  where origin in ('excess', 'saved_method', 'not_owed', 'overpayment');
