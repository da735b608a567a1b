-- Adapts slots to changed limits: a slot counts if there is a limit, is noted if its lane has one, and neither otherwise.
-- $1 smallint shard, $2 text environment id, $3 boolean whether slots count whose queue has no limit, $4 text[] queues that have
-- one, $5 boolean whether slots are noted whose queue has no limit, $6 integer how many at most
-- Locks: deadlines, SKIP LOCKED: finishes and beats are not waited for. Index: none; rarely done.
update engine.heartbeat as h
set is_counted = held.is_counted,
    is_noted = held.is_noted
from (
    select o.run_id, $3 or o.queue = any ($4) as is_counted, $5 or o.queue = any ($4) as is_noted
    from engine.heartbeat as o
    where o.shard = $1 and o.environment_id = $2 and o.holds_slot
      and (o.is_counted <> ($3 or o.queue = any ($4)) or o.is_noted <> ($5 or o.queue = any ($4)))
    limit $6
    for no key update skip locked
) as held
where h.shard = $1 and h.run_id = held.run_id
