-- Who changed what from where; and seals over it, so that what was written can be shown to stand as it was written.

alter table audit_log
  -- Null: about the installation, such as its master key.
  alter column business_id drop not null,
  -- Null in rows from before.
  add column actor_kind text
    check (actor_kind in ('secret', 'public', 'dashboard', 'link', 'command_line', 'system')),
  -- From where the actor came; null for whoever is on this machine. A buyer's goes when the buyer is erased: what stays is
  -- a digest over it and the salt, which say nothing without each other.
  add column address text,
  add column address_salt uuid,
  add column address_digest bytea,
  -- The customer whom the change is about, where there is one.
  add column customer_id uuid,
  -- By the database's clock, whatever the writer says in created_at.
  add column written_at timestamptz;

create index audit_log_of_business on audit_log (business_id, id);
create index audit_log_addresses on audit_log (customer_id) where address is not null;

-- Rows that no link holds yet. A row is entered by the transaction that writes it; so nobody waits for a seal, and however
-- late a transaction commits, its rows are found here.
create table audit_unsealed (
  id bigint primary key,
  written_at timestamptz not null
);
insert into audit_unsealed (id, written_at) select id, created_at from audit_log;

-- The chain: each link names its rows and holds a digest of each, and one over itself and the link before it.
create table audit_links (
  sequence bigint primary key check (sequence > 0),
  first_id bigint,
  last_id bigint,
  row_ids bigint[] not null,
  -- 32 bytes each, in the order of row_ids.
  row_digests bytea not null check (length(row_digests) = 32 * cardinality(row_ids)),
  previous_digest bytea not null,
  digest bytea not null,
  -- Keyed: whoever can write to the database and has no master key makes no link.
  signature bytea not null,
  sealed_at timestamptz not null
);

-- Numbers come from the trigger alone: nobody who writes a row chooses its place.
alter table audit_log alter column id drop identity, alter column id set default 0;
create sequence audit_log_number owned by audit_log.id;
select setval('audit_log_number', coalesce((select max(id) from audit_log), 0) + 1, false);

create function enter_audit_row() returns trigger language plpgsql as $$
begin
  new.id := nextval('audit_log_number');
  new.written_at := clock_timestamp();
  new.address_salt := case when new.address is not null then gen_random_uuid() end;
  new.address_digest := sha256(convert_to(new.address_salt::text || new.address, 'UTF8'));
  insert into audit_unsealed (id, written_at) values (new.id, new.written_at);
  return new;
end $$;
create trigger audit_log_entered before insert on audit_log for each row execute function enter_audit_row();

-- Append-only, but for an address that an erasure takes.
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if new.address is null and new.address_salt is null
      and to_jsonb(new) - '{address,address_salt}'::text[] = to_jsonb(old) - '{address,address_salt}'::text[] then
      return new;
    end if;
  end if;
  raise exception '% is append-only', tg_table_name;
end $$;
drop trigger audit_log_append_only on audit_log;
create trigger audit_log_append_only before update or delete on audit_log
  for each row execute function refuse_audit_change();
create trigger audit_log_never_emptied before truncate on audit_log execute function refuse_change();
create trigger audit_links_append_only before update or delete on audit_links
  for each row execute function refuse_change();
create trigger audit_links_never_emptied before truncate on audit_links execute function refuse_change();
