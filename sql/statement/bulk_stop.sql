-- Stops a bulk action that is running; returns whether it was.
-- :id text
-- :environment_ids text[]: only one that is about these environments at most; null for any
-- :now timestamptz
-- -> was_running boolean
-- Locks: the action's row: waits for the tick that is at a step of it. Index: bulk_action_pkey.
with stopped as (
    update engine.bulk_action as b
    set state = 'STOPPED',
        finished_at = :now,
        locked_ids = '{}'
    where b.id = :id and b.state = 'RUNNING' and (:environment_ids is null or b.environment_ids <@ :environment_ids)
    returning b.id
)
select exists (select from stopped) as was_running
from engine.bulk_action as b
where b.id = :id and (:environment_ids is null or b.environment_ids <@ :environment_ids)
