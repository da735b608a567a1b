-- Written out because pgrx would call the parameter "r#type": type is a keyword of Rust.
create function @extschema@.engine_create_checkpoint(
    run_id text,
    snapshot_id text,
    type text,
    location text,
    image_ref text default null,
    reason text default null,
    worker_id text default null,
    runner_id text default null)
returns table (
    ok boolean,
    error text,
    snapshot_id text,
    execution_status text,
    checkpoint_id text)
volatile parallel unsafe security definer
set search_path to pg_catalog, pg_temp
language c
as 'MODULE_PATHNAME', 'engine_create_checkpoint_wrapper';
