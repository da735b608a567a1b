-- What was granted to a role itself.
-- :role bigint: its oid; 0 for PUBLIC
-- -> capability text, environment_id text
-- Locks: none. Index: grant_pkey.
select g.capability, g.environment_id
from engine.grant as g
where g.role = :role::oid
