-- Reads the environments that a call names.
-- $1 text[] environment ids
-- Locks: none. Index: environment_pkey.
select e.id, e.shard, e.type::text, e.project_id, e.organization_id
from engine.environment as e
where e.id = any ($1)
