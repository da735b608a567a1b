-- Runs that match all that is given, in the order of their ids.
-- :shard smallint
-- :run_id text: null for any, as what follows
-- :environment_id text
-- :task text
-- :queue text
-- :tag text
-- :created_after timestamptz
-- :created_before timestamptz
-- :environment_ids text[]: of one of these environments
-- :has_ended boolean: whether to find runs that have ended, or the others
-- :max_runs integer: most rows
-- -> id text, task text, environment_id text, run_status text, completed_at timestamptz null, snapshot_count bigint
-- Locks: none. Index: run_pkey for one run; a filter reads every run of the shard.
select r.id, r.task, r.environment_id, s.run_status::text, s.completed_at, (
           select count(*)
           from engine.snapshot as p
           where p.shard = :shard and p.run_id = r.id
       ) as snapshot_count
from engine.run as r
join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
where r.shard = :shard
  and (:run_id is null or r.id = :run_id)
  and (:environment_id is null or r.environment_id = :environment_id)
  and (:environment_ids is null or r.environment_id = any (:environment_ids))
  and (:task is null or r.task = :task)
  and (:queue is null or r.queue = :queue)
  and (:tag is null or :tag = any (r.tags))
  and (:created_after is null or r.created_at > :created_after)
  and (:created_before is null or r.created_at < :created_before)
  and (s.execution_status = 'FINISHED') = :has_ended
order by r.id
limit :max_runs
