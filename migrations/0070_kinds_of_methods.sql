-- A saved method is of any kind that channels have, not a card alone. Rows that are there satisfy the narrower check, so
-- none is looked at and the lock is held for a moment.
alter table payment_methods drop constraint payment_methods_type_check;
alter table payment_methods add constraint payment_methods_type_check check
  (type in ('card', 'bank_transfer', 'ussd', 'mobile_money', 'bank_debit', 'wallet', 'pay_page')) not valid;
