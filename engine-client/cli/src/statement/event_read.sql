-- The next events.
-- $1 bigint position of the last one that was read, $2 integer at most so many, $3 integer of this shard, null for all
select jsonb_build_object('position', e.position, 'name', e.name, 'run_id', 'run_' || e.run_id, 'time', e.time, 'body', e.body) as row
from engine_events(after => $1::bigint, max_events => $2::integer, shard => $3::integer) as e
order by e.position
