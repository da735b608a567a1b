-- Locks waitpoints that a run is going to wait for, in the order of their ids, and reads them after the locks are held: a
-- completion waits for the caller, or the caller for the completion. FOR KEY SHARE would not do: a completion changes no
-- key. The end of a run completes its own waitpoint, and that of its batch.
-- :shard smallint
-- :run_id text
-- :waitpoint_ids text[]: waitpoint ids, each once
-- -> id text, status text, is_own boolean, is_own_end boolean
-- Locks: waitpoints, FOR SHARE, waiting; the run is locked before. Index: waitpoint_pkey, run_pkey, batch_item_pkey.
select w.id, w.status::text, w.environment_id = r.environment_id as is_own,
       coalesce(w.completed_by_run_id = :run_id, false)
       or w.completed_by_batch_id is not null and exists (
           select
           from engine.batch_item as i
           where i.shard = :shard and i.batch_id = w.completed_by_batch_id and i.run_id = :run_id and i.error is null) as is_own_end
from (
    select g.id
    from unnest(:waitpoint_ids) as g(id)
    order by g.id collate "C"
) as g
cross join lateral (
    select w.id, w.status, w.environment_id, w.completed_by_run_id, w.completed_by_batch_id
    from engine.waitpoint as w
    where w.shard = :shard and w.id = g.id
    for share
) as w
cross join lateral (
    select r.environment_id
    from engine.run as r
    where r.shard = :shard and r.id = :run_id
    offset 0
) as r
