-- Sets what is on record about a shard. A place stays until another one is given, or the shard is served here.
-- :number smallint
-- :state text
-- :place text
-- :has_come boolean: whether its runs come from another database now; that they have once stays on record
-- :now timestamptz
-- -> state text, place text null, has_come boolean
-- Locks: the shard's record. Index: shard_pkey.
insert into engine.shard as s (number, state, place, changed_at, has_come)
values (:number, :state, :place, :now, :has_come)
on conflict (number) do update
set state = excluded.state,
    place = case when excluded.state <> 'SERVING' then coalesce(excluded.place, s.place) end,
    changed_at = excluded.changed_at,
    has_come = s.has_come or excluded.has_come
returning s.state, s.place, s.has_come
