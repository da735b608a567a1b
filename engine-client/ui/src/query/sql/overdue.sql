-- Work that the tick has not done yet.
select jsonb_build_object(
           'kind', o.kind,
           'count', o.count,
           'oldest_ms', greatest(0, (extract(epoch from o.oldest_age) * 1000)::bigint)) as row
from engine.overdue as o
order by o.kind
