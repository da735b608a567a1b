-- Sets what is on record about a shard. A place stays until another one is given, or the shard is served here.
-- :number smallint
-- :state text
-- :place text
-- :now timestamptz
-- -> state text, place text null
-- Locks: the shard's record. Index: shard_pkey.
insert into engine.shard as s (number, state, place, changed_at)
values (:number, :state, :place, :now)
on conflict (number) do update
set state = excluded.state,
    place = case when excluded.state <> 'SERVING' then coalesce(excluded.place, s.place) end,
    changed_at = excluded.changed_at
returning s.state, s.place
