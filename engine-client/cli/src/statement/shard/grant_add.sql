-- Grants the same here.
-- $1 jsonb of another database
select jsonb_build_object('count', count(*)) as row
from jsonb_to_recordset($1) as g(role text, capability text, environment_id text)
cross join lateral engine_grant(g.role, g.capability, g.environment_id) as is_new
