-- Writes events without a transition.
-- $1 timestamptz now, $2 bigint horizon
-- then one array element per event: $3 shard, $4 position, $5 run id, $6 name, $7 body
-- Locks: the new rows. Index: notice_pkey.
insert into engine.notice (shard, position, horizon, run_id, name, body, created_at)
select n.shard, n.position, $2, n.run_id, n.name, n.body, $1
from unnest($3, $4, $5, $6, $7) as n(shard, position, run_id, name, body)
