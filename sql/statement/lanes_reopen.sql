-- Limits were set anew: every lane of an environment is to be looked at again.
-- $1 smallint shard, $2 text environment id
-- Locks: the lanes' rows; the environment's mutex is held. Index: lane_pkey.
update engine.lane as l
set is_open = true
where l.shard = $1 and l.environment_id = $2
