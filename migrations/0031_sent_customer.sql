-- What the call that made a payment request said of the customer: all that a buyer's browser is shown of them.
alter table payment_requests add column sent_customer jsonb;

alter table mails drop constraint mails_template_check;
alter table mails add constraint mails_template_check check (
  template in ('welcome', 'receipt', 'renewal_coming', 'payment_failed', 'cancelled', 'portal_link', 'subscribed_already')
) not valid;
alter table mails validate constraint mails_template_check;
