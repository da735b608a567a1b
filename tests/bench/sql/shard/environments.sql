-- One environment on each of the first $1 shards.
select engine_set_environment('env' || n, shard => n)
from generate_series(0, $1::integer - 1) as n
