-- Machines: a shard may need any.
select jsonb_build_object('rows', coalesce(jsonb_agg(to_jsonb(m)), '[]')) as row
from engine.machine as m
