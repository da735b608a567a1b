-- Completes pending waitpoints; returns their ids. Deletes their timers, except those that a tick holds: it will find
-- nothing to do. Read edges in a later statement: sessions that blocked runs with these waitpoints were waited for here.
-- :shard smallint
-- :now timestamptz
-- One array element per waitpoint:
-- :id text[]
-- :output text[]
-- :output_type text[]: its type or null
-- :is_error boolean[]: whether it is an error
-- -> id text
-- Locks: waitpoints in the order of their ids, waiting; timers, SKIP LOCKED. Index: waitpoint_pkey, timer_pkey.
with given as (
    select g.*
    from unnest(:id, :output, :output_type, :is_error) as g(id, output, output_type, is_error)
), locked as (
    select w.id, g.output, g.output_type, g.is_error
    from (
        select g.*
        from given as g
        order by g.id collate "C"
    ) as g
    cross join lateral (
        select w.id
        from engine.waitpoint as w
        where w.shard = :shard and w.id = g.id and w.status = 'PENDING'
        for no key update
    ) as w
), free as materialized (
    select t.id
    from locked as l
    cross join lateral (
        select t.id
        from engine.timer as t
        where t.shard = :shard and t.kind = 'FINISH_WAITPOINT' and t.id = l.id
        for update skip locked
    ) as t
), timer as (
    -- An array keeps this a lookup per timer: a join might read all timers of the kind.
    delete from engine.timer as t
    where t.shard = :shard and t.kind = 'FINISH_WAITPOINT' and t.id = any (array(select f.id from free as f))
)
update engine.waitpoint as w
set status = 'COMPLETED',
    completed_at = :now,
    output = l.output,
    output_type = coalesce(l.output_type, w.output_type),
    output_is_error = l.is_error
from locked as l
where w.shard = :shard and w.id = l.id
returning w.id
