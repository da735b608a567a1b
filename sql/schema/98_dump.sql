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
select pg_catalog.pg_extension_config_dump('engine.trigger_key', '');
