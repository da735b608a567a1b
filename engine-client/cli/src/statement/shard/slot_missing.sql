-- How many of these slots are not there.
-- $1 text[] names
select jsonb_build_object('count', count(*)) as row
from unnest($1) as n(name)
where not exists (select from pg_replication_slots as s where s.slot_name = n.name)
