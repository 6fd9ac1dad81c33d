-- Webhooks about refunds name the payment or the refund, not the attempt's reference as payments' do: by these an erasure
-- finds them.
create index hook_inbox_payment_reference on hook_inbox (business_id, env_mode, (subject ->> 'paymentReference'))
  where subject ->> 'paymentReference' is not null;
create index hook_inbox_channel_reference on hook_inbox (business_id, env_mode, (subject ->> 'channelReference'))
  where subject ->> 'channelReference' is not null;
