-- Gives back the bytes of a payload that is about to be replaced, and counts those of the new one: that may be less than none.
-- :shard smallint
-- :run_id text
-- :payload text
-- Locks: the new row; run state held by run_lock. Index: run_pkey.
insert into engine.quota_return (environment_id, bytes)
select r.environment_id, octet_length(r.payload) - octet_length(:payload)
from engine.run as r
where r.shard = :shard and r.id = :run_id
