-- Which master key seals, by how its values begin: every process follows it, and one that does not know it does not
-- start. No row: the key was never changed.
create table master_keys (
  is_only boolean primary key default true check (is_only),
  current_head bytea not null,
  started_at timestamptz not null,
  -- When every sealed value was seen to open with it alone.
  finished_at timestamptz
);
-- What each process knows and seals with: a change waits for all of them. Null: a version before this.
alter table processes
  add column known_heads bytea[],
  add column current_head bytea;
