-- Whether an environment exists: a pause must not make one. The environment "default" needs no row.
-- $1 text environment
select jsonb_build_object('exists', $1::text = 'default' or exists (
    select from engine.environment as e where e.id = $1)) as row
