-- Takes what was given back of an environment's bytes.
-- :environment_id text
-- -> bytes bigint
-- Locks: the rows, of which only the session that holds quota_use_lock takes any. Index: quota_return_environment.
with taken as (
    delete from engine.quota_return as r
    where r.environment_id = :environment_id
    returning r.bytes
)
select coalesce(sum(t.bytes), 0)::bigint as bytes
from taken as t
