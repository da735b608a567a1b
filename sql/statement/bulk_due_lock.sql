-- Locks the bulk action that has waited longest for its next step, and says on which shard that is.
-- -> id text, shard smallint, after_id text, action text, filter jsonb, options jsonb, reason text null, environment_ids text[] null,
-- -> created_at timestamptz, locked_ids text[]
-- Locks: the action's row, SKIP LOCKED: another tick works on it. Index: bulk_action_running.
select b.id, b.shard, b.after_id, b.action, b.filter, b.options, b.reason, b.environment_ids, b.created_at, b.locked_ids
from engine.bulk_action as b
where b.state = 'RUNNING'
order by b.worked_at, b.id
limit 1
for no key update skip locked
