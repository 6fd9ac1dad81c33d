alter table business_modes add column public_key_sells text not null default 'anything'
  check (public_key_sells in ('anything', 'plans_and_links', 'signed_amounts'));
