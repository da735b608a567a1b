-- Of a page of runs, in the order of their ids, those that match all that is given; and the last run of the page, unless the page is
-- the last one.
-- :shard smallint
-- :source text: where the runs are: EVERY, LIVE (not ended), FAILED, NAMED (:run_ids), BATCH (:batch_id), PARENT (:parent_run_id)
-- :after_id text: the page begins behind it
-- :page_size integer: runs that are read
-- :frozen_at timestamptz: only runs that existed then, and, if they have ended, had ended then
-- :scope text[]: only runs of these environments
-- :execution_statuses text[]
-- :run_ids text[]: those of NAMED
-- Null for any, as what follows:
-- :statuses text[]
-- :tasks text[]
-- :queues text[]
-- :environment_ids text[]
-- :tags text[]
-- :metadata text[]: keys, or key=value
-- :concurrency_keys text[]
-- :versions text[]
-- :worker_queues text[]
-- :error_codes text[]
-- :error text: part of the error, in small letters
-- :batch_id text
-- :parent_run_id text
-- :bulk_ids text[]
-- :created_after timestamptz
-- :created_before timestamptz
-- :finished_after timestamptz
-- :finished_before timestamptz
-- -> id text, is_match boolean, run_status text, created_at timestamptz
-- Locks: none. Index: run_pkey, run_state_pkey, failure_pkey; run_batch, run_parent; the primary keys of what live runs have.
with page as materialized (
    (select r.id
     from engine.run as r
     where :source = 'EVERY' and r.shard = :shard and r.id > :after_id
     order by r.id
     limit :page_size)
    union all
    (select r.id
     from engine.run as r
     where :source = 'NAMED' and r.shard = :shard and r.id = any (:run_ids) and r.id > :after_id
     order by r.id
     limit :page_size)
    union all
    (select r.id
     from engine.run as r
     where :source = 'BATCH' and r.shard = :shard and r.batch_id = :batch_id and r.id > :after_id
     order by r.id
     limit :page_size)
    union all
    (select r.id
     from engine.run as r
     where :source = 'PARENT' and r.shard = :shard and r.parent_run_id = :parent_run_id and r.id > :after_id
     order by r.id
     limit :page_size)
    union all
    (select f.run_id
     from engine.failure as f
     where :source = 'FAILED' and f.shard = :shard and f.run_id > :after_id
     order by f.run_id
     limit :page_size)
    union all
    (select l.id
     from (
         (select i.run_id as id
          from engine.queue_item as i
          where :source = 'LIVE' and i.shard = :shard and i.run_id > :after_id
          order by i.run_id
          limit :page_size)
         union
         (select h.run_id
          from engine.heartbeat as h
          where :source = 'LIVE' and h.shard = :shard and h.run_id > :after_id
          order by h.run_id
          limit :page_size)
         union
         (select p.run_id
          from engine.parked as p
          where :source = 'LIVE' and p.shard = :shard and p.run_id > :after_id
          order by p.run_id
          limit :page_size)
         union
         (select t.id
          from engine.timer as t
          where :source = 'LIVE' and t.shard = :shard and t.kind = 'END_DELAY' and t.id > :after_id
          order by t.id
          limit :page_size)
     ) as l
     order by l.id
     limit :page_size)
), last as (
    select max(p.id) as id, count(*) as run_count
    from page as p
)
select p.id, coalesce(m.is_match, false) as is_match, coalesce(m.run_status, '') as run_status,
       coalesce(m.created_at, :frozen_at) as created_at
from page as p
cross join last as l
left join lateral (
    select true as is_match, s.run_status::text as run_status, r.created_at
    from engine.run as r
    join engine.run_state as s on s.shard = r.shard and s.run_id = r.id
    where r.shard = :shard and r.id = p.id
      and r.created_at <= :frozen_at
      and (s.execution_status <> 'FINISHED' or coalesce(s.completed_at, s.updated_at) <= :frozen_at)
      and s.execution_status::text = any (:execution_statuses)
      and (:scope is null or r.environment_id = any (:scope))
      and (:statuses is null or s.run_status::text = any (:statuses))
      and (:tasks is null or r.task = any (:tasks))
      and (:queues is null or r.queue = any (:queues))
      and (:environment_ids is null or r.environment_id = any (:environment_ids))
      and (:tags is null or r.tags && :tags)
      and (:metadata is null or exists (
              select from unnest(:metadata) as m
              where r.metadata ? m or r.metadata ->> split_part(m, '=', 1) = substr(m, strpos(m, '=') + 1)))
      and (:concurrency_keys is null or r.concurrency_key = any (:concurrency_keys))
      and (:versions is null or coalesce(s.version, r.version) = any (:versions))
      and (:worker_queues is null or r.worker_queue = any (:worker_queues))
      and (:error_codes is null or coalesce(s.error ->> 'code', s.error ->> 'name', s.error ->> 'type') = any (:error_codes))
      and (:error is null or strpos(lower(concat_ws(
              ' ', s.error ->> 'type', s.error ->> 'name', s.error ->> 'code', coalesce(nullif(s.error ->> 'message', ''), s.error ->> 'raw'))), :error) > 0)
      and (:batch_id is null or r.batch_id = :batch_id)
      and (:parent_run_id is null or r.parent_run_id = :parent_run_id)
      and (:bulk_ids is null or s.bulk_action_ids && :bulk_ids)
      and (:created_after is null or r.created_at > :created_after)
      and (:created_before is null or r.created_at < :created_before)
      and (:finished_after is null
           or s.execution_status = 'FINISHED' and coalesce(s.completed_at, s.updated_at) > :finished_after)
      and (:finished_before is null
           or s.execution_status = 'FINISHED' and coalesce(s.completed_at, s.updated_at) < :finished_before)
    offset 0
) as m on true
where m.is_match or (p.id = l.id and l.run_count >= :page_size)
order by p.id
