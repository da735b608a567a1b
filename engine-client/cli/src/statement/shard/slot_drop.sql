-- Drops slots that nobody reads from, and counts those that are left: that of the subscription, and what the copies of tables by
-- subscriptions that are gone have left.
-- $1 text name, $2 text system identifier of the subscriber, $3 text[] its subscriptions
with slot as materialized (
    select s.slot_name, s.active
    from pg_replication_slots as s
    where s.database = current_database()
      and (s.slot_name = $1
           or s.slot_name ~ format('^pg_[0-9]+_sync_[0-9]+_%s$', $2) and split_part(s.slot_name, '_', 2) <> all ($3))
), dropped as materialized (
    select pg_drop_replication_slot(s.slot_name)
    from slot as s
    where not s.active
)
select jsonb_build_object(
           'left', (select count(*) from slot as s where s.active),
           'name', (select min(s.slot_name) from slot as s where s.active),
           'dropped', (select count(*) from dropped)) as row
