-- One end of a move: what this database has of the shard, and of an earlier attempt.
-- $1 integer shard, $2 text name of the publication, the subscription and the slot
select jsonb_build_object(
           'state', (select s.state from engine.shard_state as s where s.shard = $1),
           'environment_ids', (
               select coalesce(jsonb_agg(e.id order by e.id), '[]') from engine.environment as e where e.shard = $1),
           'has_runs', exists (select from engine.run as r where r.shard = $1),
           'major', current_setting('server_version_num')::integer / 10000,
           'wal_level', current_setting('wal_level'),
           'is_superuser', current_setting('is_superuser') = 'on',
           'has_subscription', exists (
               select from pg_subscription as s
               where s.subname = $2 and s.subdbid = (select d.oid from pg_database as d where d.datname = current_database())),
           'has_slot', exists (
               select from pg_replication_slots as s where s.slot_name = $2 and s.database = current_database()),
           'has_publication', exists (select from pg_publication as p where p.pubname = $2)) as row
