-- Reads the version that executes runs of an environment which are not bound to one: the current version, or, in
-- development, the one that registered last.
-- :environment_id text
-- :is_newest boolean: whether it is the one that registered last
-- -> the columns in columns/worker.sql
-- Locks: none. Index: worker_newest, worker_current.
(select :columns
 from engine.worker as w
 where :is_newest and w.environment_id = :environment_id
 order by w.registered_at desc
 limit 1)
union all
select :columns
from engine.worker as w
where not :is_newest and w.environment_id = :environment_id and w.is_current
