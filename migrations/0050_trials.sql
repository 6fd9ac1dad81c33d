-- Who had a trial of a plan, by mailbox, also after the customer was deleted or erased: SHA-256 of the plan's id, a slash
-- and the mailbox (customers.email_key), so that who does not know the address does not find it here.
create table trials (
  subscription_plan_id uuid not null references subscription_plans (id),
  mailbox bytea not null,
  begun_at timestamptz not null,
  primary key (subscription_plan_id, mailbox)
);
insert into trials (subscription_plan_id, mailbox, begun_at)
select s.subscription_plan_id, sha256(convert_to(s.subscription_plan_id || '/' || c.email_key, 'UTF8')), min(s.created_at)
from subscriptions s join customers c on c.id = s.customer_id
where s.trial_ends_at is not null group by 1, 2;
