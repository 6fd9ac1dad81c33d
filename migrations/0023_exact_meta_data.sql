-- What a merchant keeps with an object is their text: jsonb writes 1e400 out, drops the sign of -0 and the order of keys.
alter table payment_requests alter column meta_data type text using meta_data::text,
  add constraint payment_requests_meta_data_check check (json_typeof(meta_data::json) = 'object');
alter table customers alter column meta_data type text using meta_data::text,
  add constraint customers_meta_data_check check (json_typeof(meta_data::json) = 'object');
alter table subscription_plans alter column meta_data type text using meta_data::text,
  add constraint subscription_plans_meta_data_check check (json_typeof(meta_data::json) = 'object');
