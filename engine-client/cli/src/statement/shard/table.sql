-- Tables with what belongs to a shard. Replication follows those whose changes tell the shard: by their key, or by the whole row. The
-- others are short, and copied at once. What is about roles of the server, about what was gathered or done on it, and about runs of
-- all shards stays.
with told as (
    select c.oid,
           c.relname as name,
           exists (
               select from pg_attribute as a where a.attrelid = c.oid and a.attname = 'shard' and not a.attisdropped) as has_shard,
           exists (
               select from pg_attribute as a
               where a.attrelid = c.oid and a.attname = 'environment_id' and not a.attisdropped) as has_environment,
           c.relreplident = 'f' or exists (
               select from pg_index as i
               join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
               where i.indrelid = c.oid and i.indisprimary and a.attname = 'shard') as tells_shard
    from pg_class as c
    where c.relnamespace = 'engine'::regnamespace and c.relkind = 'r' and c.relname not in ('grant', 'minute', 'bulk_action', 'audit_entry')
)
select jsonb_build_object(
           'name', t.name,
           'has_shard', t.has_shard,
           'is_followed', t.has_shard and t.tells_shard,
           'columns', (
               select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
               from pg_attribute as a
               where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '')) as row
from told as t
where t.has_shard or t.has_environment
order by t.name
