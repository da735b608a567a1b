-- Takes away from what an environment keeps what was given back of its bytes.
-- :environment_id text
-- -> bytes bigint
-- Locks: the rows, of which only the session that holds quota_use_lock takes any; the row held by that. Index:
-- quota_return_environment, quota_use_pkey.
with taken as (
    delete from engine.quota_return as r
    where r.environment_id = :environment_id
    returning r.bytes
), total as (
    select coalesce(sum(t.bytes), 0)::bigint as bytes
    from taken as t
), used as (
    update engine.quota_use as u
    set kept_bytes = u.kept_bytes - t.bytes
    from total as t
    where u.environment_id = :environment_id and t.bytes <> 0
)
select t.bytes
from total as t
