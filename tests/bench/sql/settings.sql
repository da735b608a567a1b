-- The settings that figures depend on, and all that were changed.
select s.name,
       current_setting(s.name) as value,
       s.setting is not distinct from s.boot_val as is_default
from pg_settings as s
where s.name in (
    'autovacuum', 'autovacuum_naptime', 'checkpoint_timeout', 'commit_delay', 'fsync', 'full_page_writes', 'jit',
    'max_connections', 'max_wal_size', 'shared_buffers', 'synchronous_commit', 'wal_buffers', 'wal_compression', 'wal_level',
    'wal_sync_method', 'work_mem')
   or s.source = 'configuration file' and s.name not like 'log%' and s.name not like 'lc\_%'
      and s.name not in ('DateStyle', 'TimeZone', 'default_text_search_config', 'dynamic_shared_memory_type')
order by s.name
