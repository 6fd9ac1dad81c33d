-- The hosted checkout: a request's own logo, and which sites may frame the page (in test mode all may).
alter table payment_requests add column logo text;
alter table business_modes add column allowed_domains text[] not null default '{}';
