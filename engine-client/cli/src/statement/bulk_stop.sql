-- Stops a bulk action.
-- $1 text bulk action
select jsonb_build_object('bulk_id', $1::text, 'was_running', engine_bulk_stop($1)) as row
