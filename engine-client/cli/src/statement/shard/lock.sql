-- One move of a shard at a time: the lock ends with the session.
-- $1 integer shard
select jsonb_build_object('is_locked', pg_try_advisory_lock(hashtext('engine shard move'), $1)) as row
