-- The slot of a claimed run. From sql/statement/claim_apply.sql.
-- $1 smallint shard, $2 text run id, $3 timestamptz now, $4 text environment id, $5 text queue, $6 text concurrency key
insert into engine.slot (shard, run_id, environment_id, queue, concurrency_key, acquired_at)
values ($1, $2, $4, $5, $6, $3)
