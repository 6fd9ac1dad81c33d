-- The process that moves the clock, by whose signs of life it is let go; null: nobody, or a version before this.
alter table business_modes add column clock_process_id uuid;
create index business_modes_clock_held on business_modes (clock_held_until) where clock_held_until is not null;
