-- Drops a slot that nobody reads from, and counts those that are left.
-- $1 text name of the slot
with slot as materialized (
    select s.slot_name, s.active
    from pg_replication_slots as s
    where s.slot_name = $1 and s.database = current_database()
), dropped as materialized (
    select pg_drop_replication_slot(s.slot_name)
    from slot as s
    where not s.active
)
select jsonb_build_object('left', (select count(*) from slot as s where s.active), 'dropped', (select count(*) from dropped)) as row
