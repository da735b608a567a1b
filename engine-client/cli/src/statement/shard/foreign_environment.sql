-- Environments that are of another shard here than where they come from.
-- $1 integer shard, $2 text[] environments
select jsonb_build_object('id', e.id, 'shard', e.shard) as row
from engine.environment as e
where e.id = any ($2) and e.shard <> $1
order by e.id
limit 1
