-- Processes that answer requests, each with its last sign of life in the database's own time.
create table processes (
  id uuid primary key,
  started_at timestamptz not null,
  beat_at timestamptz not null
);
-- Each beat is an update of the row in its place.
alter table processes set (fillfactor = 50);

-- Who holds a claim: a dead process's is taken over at once, a living one's never. Null: nobody, or a version before this.
alter table idempotency_keys add column process_id uuid;
-- One taking of the claim: whoever lost it keeps no answer under it.
alter table idempotency_keys add column token uuid;
