-- Whether the other end has all WAL up to a position.
-- $1 text name of the slot, $2 text position
select jsonb_build_object(
           'is_caught_up', coalesce(bool_or(s.confirmed_flush_lsn >= $2::pg_lsn), false),
           'bytes', max($2::pg_lsn - s.confirmed_flush_lsn)) as row
from pg_replication_slots as s
where s.slot_name = $1
