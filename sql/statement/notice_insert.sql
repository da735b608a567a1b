-- Writes events without a transition.
-- :now timestamptz
-- :horizon bigint
-- One array element per event:
-- :shard smallint[]
-- :position bigint[]
-- :run_id text[]
-- :name text[]
-- :body jsonb[]
-- Locks: the new rows. Index: notice_pkey.
insert into engine.notice (shard, position, horizon, run_id, name, body, created_at)
select n.shard, n.position, :horizon, n.run_id, n.name, n.body, :now
from unnest(:shard, :position, :run_id, :name, :body) as n(shard, position, run_id, name, body)
