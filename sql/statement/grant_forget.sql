-- Deletes the grants of roles that were dropped: another role may get the same number.
-- Locks: their rows.
delete from engine.grant as g
where g.role <> 0::regrole and not exists (select from pg_roles as r where r.oid = g.role)
