-- The history in two forms, of the same columns: one table, and a ring of sixteen list partitions by a slot that the row names.
create table public.plain (like engine.snapshot including all);
create table public.ring (like engine.snapshot including defaults, slot smallint not null, primary key (shard, run_id, ordinal, slot)) partition by list (slot);
do $$
begin
    for slot in 0..15 loop
        execute format('create table public.ring_%s partition of public.ring for values in (%s)', slot, slot);
    end loop;
end
$$;
create index ring_position on public.ring using brin (position) with (autosummarize = on, pages_per_range = 32);
