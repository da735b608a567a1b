-- How many schedules an environment has, but for one.
-- :environment_id text
-- :id text: not this one
-- -> count bigint
-- Locks: none. Index: none; there are few.
select count(*)
from engine.schedule as s
where s.environment_id = :environment_id and s.id <> :id
