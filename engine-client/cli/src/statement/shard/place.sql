-- Where the shards are that another database is to have on record. Shard 0 has the environment that every database has.
-- $1 text what this database is called
select jsonb_build_object(
           'places', jsonb_agg(jsonb_build_object(
               'shard', s.shard,
               'place', case when s.state = 'AWAY' then s.place else $1 end)),
           'served', count(*) filter (where s.state <> 'AWAY')) as row
from engine.shard_state as s
where s.shard > 0
