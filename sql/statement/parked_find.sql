-- Parked runs of an environment, first triggered first, after a given one.
-- $1 smallint shard, $2 text environment id, $3 timestamptz and $4 text when the given one was triggered, and its id,
-- $5 integer how many
-- Locks: none. Index: parked_environment, run_pkey, run_state_pkey.
select p.run_id, p.created_at, r.task, r.queue, coalesce(s.version, r.version)
from (
    select p.run_id, p.created_at
    from engine.parked as p
    where p.shard = $1 and p.environment_id = $2 and (p.created_at, p.run_id) > ($3, $4)
    order by p.created_at, p.run_id
    limit $5
) as p
join engine.run as r on r.shard = $1 and r.id = p.run_id
join engine.run_state as s on s.shard = $1 and s.run_id = p.run_id
order by p.created_at, p.run_id
