-- Stops a bulk operation: what it has done stays done.
-- $1 text bulk id
select to_jsonb(engine_bulk_stop($1)) as row
