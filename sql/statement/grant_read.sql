-- What a role may do, by its own grants, those of roles that it is a member of, and those of PUBLIC.
-- :role bigint: its oid
-- -> capability text, environment_id text
-- Locks: none.
select g.capability, g.environment_id
from engine.grant as g
where g.role = 0::regrole or pg_has_role(:role::oid, g.role, 'usage')
