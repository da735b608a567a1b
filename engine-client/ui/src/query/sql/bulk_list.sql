-- Bulk operations, the newest first.
-- $1 text bulk id, or null for all
select jsonb_build_object(
           'bulk_id', b.bulk_id,
           'action', b.action,
           'filter', b.filter,
           'options', b.options,
           'reason', b.reason,
           'state', b.state,
           'created_by', b.created_by,
           'created_at', b.created_at,
           'total', b.total,
           'done', b.done,
           'skipped', b.skipped,
           'refused', b.refused,
           'refused_by', b.refused_by,
           'finished_at', b.finished_at) as row
from engine.bulk as b
where $1::text is null or b.bulk_id = $1
order by b.created_at desc
limit 100
