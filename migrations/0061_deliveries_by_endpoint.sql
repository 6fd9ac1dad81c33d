-- What is due is looked for endpoint by endpoint: what waits at one of them costs nothing to find what is due at another.
create index webhook_deliveries_due_at on webhook_deliveries (webhook_endpoint_id, next_attempt_at) where status = 'pending';
drop index webhook_deliveries_due;
