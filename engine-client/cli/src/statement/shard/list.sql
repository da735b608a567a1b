-- Shards with environments, and those on record.
-- $1 boolean: the others that are served as well
select jsonb_build_object(
           'shard', s.shard,
           'state', s.state,
           'place', s.place,
           'environments', s.environment_count) as row
from engine.shard_state as s
where $1 or s.environment_count > 0 or s.state <> 'SERVING'
order by s.shard
