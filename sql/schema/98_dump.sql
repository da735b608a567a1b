-- Tables and sequences that belong to an extension are dumped without their contents unless they are marked.
select pg_catalog.pg_extension_config_dump('engine.environment', '');
select pg_catalog.pg_extension_config_dump('engine.queue', '');
select pg_catalog.pg_extension_config_dump('engine.run', '');
select pg_catalog.pg_extension_config_dump('engine.run_state', '');
select pg_catalog.pg_extension_config_dump('engine.event_position', '');
select pg_catalog.pg_extension_config_dump('engine.snapshot', '');
select pg_catalog.pg_extension_config_dump('engine.queue_item', '');
select pg_catalog.pg_extension_config_dump('engine.lane', '');
select pg_catalog.pg_extension_config_dump('engine.release', '');
select pg_catalog.pg_extension_config_dump('engine.heartbeat', '');
select pg_catalog.pg_extension_config_dump('engine.waitpoint', '');
select pg_catalog.pg_extension_config_dump('engine.checkpoint', '');
select pg_catalog.pg_extension_config_dump('engine.notice', '');
select pg_catalog.pg_extension_config_dump('engine.timer', '');
select pg_catalog.pg_extension_config_dump('engine.machine', '');
select pg_catalog.pg_extension_config_dump('engine.edge', '');
select pg_catalog.pg_extension_config_dump('engine.waitpoint_history', '');
select pg_catalog.pg_extension_config_dump('engine.batch', '');
select pg_catalog.pg_extension_config_dump('engine.batch_item', '');
select pg_catalog.pg_extension_config_dump('engine.trigger_key', '');
select pg_catalog.pg_extension_config_dump('engine.worker', '');
select pg_catalog.pg_extension_config_dump('engine.parked', '');
select pg_catalog.pg_extension_config_dump('engine.schedule', '');

-- The functions follow, in the schema chosen for the extension. Only types are looked up for them, pg_catalog first.
set local search_path to @extschema@, pg_temp;
