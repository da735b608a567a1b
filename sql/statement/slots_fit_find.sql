-- Whether any slot does not fit the limits.
-- $1 smallint shard, $2 text environment id, $3 boolean whether slots count whose queue has no limit, $4 text[] queues that have
-- one, $5 boolean whether slots are noted whose queue has no limit
-- Locks: none. Index: none; rarely done.
select exists (
    select
    from engine.heartbeat as o
    where o.shard = $1 and o.environment_id = $2 and o.holds_slot
      and (o.is_counted <> ($3 or o.queue = any ($4)) or o.is_noted <> ($5 or o.queue = any ($4))))
