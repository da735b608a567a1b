-- $1 integer shard, $2 text state, $3 text place
select jsonb_build_object('state', s.state, 'place', s.place) as row
from engine_set_shard($1, $2, $3) as s
