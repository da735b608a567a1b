-- Sets shards AWAY, with where they are.
-- $1 jsonb of another database
select jsonb_build_object('count', count(*)) as row
from jsonb_to_recordset($1) as p(shard integer, place text)
cross join lateral engine_set_shard(p.shard, 'AWAY', p.place) as s
