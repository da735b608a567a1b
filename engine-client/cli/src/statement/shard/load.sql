-- The shards with environments that can be moved, the busiest first: their runs of the last three hours.
select jsonb_build_object(
           'shard', e.shard,
           'environments', count(distinct e.environment_id),
           'runs', coalesce(sum(m.triggered), 0)) as row
from engine.environment_shard as e
join engine.shard_state as s on s.shard = e.shard and s.state = 'SERVING'
left join engine.minute as m on m.environment_id = e.environment_id
where e.shard > 0
group by e.shard
order by coalesce(sum(m.triggered), 0) desc, count(distinct e.environment_id) desc, e.shard
