-- Written out because pgrx would call the parameter "r#type": type is a keyword of Rust.
create function @extschema@.engine_set_environment(
    environment_id text,
    type text default null,
    project_id text default null,
    organization_id text default null,
    concurrency_limit integer default -1,
    burst_factor double precision default null,
    paused boolean default null,
    archived boolean default null,
    requires_version boolean default null,
    max_queue_size integer default -1,
    retry jsonb default null)
returns table (
    environment_id text,
    type text,
    concurrency_limit integer,
    burst_factor double precision,
    paused boolean,
    archived boolean,
    requires_version boolean,
    max_queue_size integer,
    retry jsonb)
volatile parallel unsafe security definer
set search_path to pg_catalog, pg_temp
language c
as 'MODULE_PATHNAME', 'engine_set_environment_0_2_wrapper';
