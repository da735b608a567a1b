-- The capabilities that were granted to a role itself.
-- :role bigint: its oid; 0 for PUBLIC
-- -> capability text
-- Locks: none. Index: grant_pkey.
select distinct g.capability
from engine.grant as g
where g.role = :role::oid
