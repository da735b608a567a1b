-- Starts a bulk action. Those that ended more than a year ago are forgotten.
-- :id text
-- :shard smallint: where it begins
-- :action text
-- :filter jsonb
-- :options jsonb
-- :reason text
-- :environment_ids text[]: the environments in which its caller may act; null for all
-- :created_by text: role that acts
-- :now timestamptz
-- :total bigint
-- :is_total_exact boolean
-- Locks: none but those of old rows. Index: bulk_action_pkey.
with old as (
    delete from engine.bulk_action as b
    where b.state <> 'RUNNING' and b.finished_at < :now - interval '1 year'
)
insert into engine.bulk_action (
    id, shard, after_id, action, state, filter, options, reason, environment_ids, created_by, session_role, created_at,
    worked_at, total, is_total_exact)
values (
    :id, :shard, '', :action, 'RUNNING', :filter, :options, :reason, :environment_ids, :created_by, session_user::text, :now,
    :now, :total, :is_total_exact)
