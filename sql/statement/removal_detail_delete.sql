-- Deletes payload, metadata and output of runs that have ended, and their history but for the last snapshot; returns the position of
-- the last event in it, nothing if it had none.
-- :shard smallint
-- :run_ids text[]
-- -> last_position bigint null
-- Locks: run states held by removal_lock; the other rows, which no session locks. Index: run_pkey, run_state_pkey, snapshot_run.
with latest as (
    update engine.run_state as s
    set output = null,
        output_type = null
    from unnest(:run_ids) as g(run_id)
    where s.shard = :shard and s.run_id = g.run_id
    returning s.run_id, s.snapshot_ordinal
), given_back as (
    insert into engine.quota_return (environment_id, bytes)
    select r.environment_id, sum(octet_length(r.payload))
    from unnest(:run_ids) as g(run_id)
    join engine.run as r on r.shard = :shard and r.id = g.run_id
    join engine.quota as q on q.environment_id = r.environment_id
    where q.kept_bytes is not null
    group by r.environment_id
), run as (
    update engine.run as r
    set payload = '',
        payload_type = null,
        metadata = null
    from unnest(:run_ids) as g(run_id)
    where r.shard = :shard and r.id = g.run_id
), gone as (
    delete from engine.snapshot as s
    using latest as l
    where s.shard = :shard and s.run_id = l.run_id and s.ordinal <> l.snapshot_ordinal
    returning s.position, s.transition, s.detail
), stays as (
    update engine.snapshot as s
    set metadata = null
    from latest as l
    where s.shard = :shard and s.run_id = l.run_id and s.ordinal = l.snapshot_ordinal
    returning s.position, s.transition, s.detail
), last as (
    select s.position, s.transition
    from (select * from gone union all select * from stays) as s
    where s.detail is null or not s.detail ? 'isSilent'
    order by s.position desc
    limit 1
)
select l.position * 8 + (select max(k.place) from engine.event_kind as k where k.transition = l.transition) as last_position
from last as l
