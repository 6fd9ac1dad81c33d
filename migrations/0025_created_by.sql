-- Who made a payment request: a key, a person on the dashboard, a link that somebody opened, or a renewal by itself.
alter table payment_requests
  add column created_by text not null default 'secret'
    check (created_by in ('secret', 'public', 'dashboard', 'link', 'renewal'));
-- Of what is there already, only the renewals can be told from the others.
update payment_requests set created_by = 'renewal' where subscription_id is not null;
