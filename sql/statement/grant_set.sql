-- Grants a capability to a role.
-- :role bigint: its oid; 0 for PUBLIC
-- :capability text
-- :environment_id text
-- :now timestamptz
-- Locks: the new row. Index: grant_pkey.
insert into engine.grant (role, capability, environment_id, granted_at)
values (:role::oid, :capability, :environment_id, :now)
on conflict on constraint grant_pkey do nothing
