-- Reads the version that executes runs of an environment which are not bound to one: the current version, or, in
-- development, the one that registered last.
-- $1 text environment id, $2 boolean whether it is the one that registered last
-- Locks: none. Index: worker_newest, worker_current.
(select w.version, w.image, w.tasks, w.queues
 from engine.worker as w
 where $2 and w.environment_id = $1
 order by w.registered_at desc
 limit 1)
union all
select w.version, w.image, w.tasks, w.queues
from engine.worker as w
where not $2 and w.environment_id = $1 and w.is_current
