-- Takes a grant back.
-- :role bigint: its oid; 0 for PUBLIC
-- :capability text
-- :environment_id text
-- Locks: the row. Index: grant_pkey.
delete from engine.grant as g
where g.role = :role::oid and g.capability = :capability and g.environment_id = :environment_id
