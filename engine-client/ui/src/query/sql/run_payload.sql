-- The payload of a run: only a role that may select it of the table reads it.
-- $1 text run id
select jsonb_build_object('payload', r.payload, 'bytes', octet_length(r.payload)) as row
from (
    select distinct e.shard
    from engine.environment_shard as e
) as d
join engine.run as r on r.shard = d.shard and r.id = $1::text
