-- Written out because pgrx makes no procedures. A procedure that ends transactions can neither be SECURITY DEFINER nor set
-- its search path: it reads as its owner, with a search path of its own (engine-ext/src/backend/procedure.rs).
create procedure @extschema@.engine_wait(
    worker_queue text default 'main',
    environment_id text default null,
    worker_version text default null,
    wait_ms integer default 60000)
language c
as 'MODULE_PATHNAME', 'engine_wait_wrapper';
