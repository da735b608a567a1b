-- The run waits for nothing any more. From sql/statement/run_move.sql.
-- $1 smallint shard, $2 text run id
delete from engine.edge as e
where e.shard = $1 and e.run_id = $2
