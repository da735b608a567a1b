-- One commit: the locked item goes. From sql/statement/dequeue_apply.sql.
-- $1 smallint shard, $2 text run id
delete from engine.queue_item as i
where i.shard = $1 and i.run_id = $2
