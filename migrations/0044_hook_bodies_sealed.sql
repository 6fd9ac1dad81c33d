-- What a provider says of a payer, and tokens of cards, lie sealed. Bodies that came before are sealed by a sweep.
alter table hook_inbox add column body_sealed bytea;
alter table hook_inbox alter column body drop not null;
create index hook_inbox_in_clear on hook_inbox (id) where body is not null;
