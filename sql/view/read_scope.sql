-- Where the reader of a view has the capability read, by grants to itself, to roles that it is a member of, and to PUBLIC: one row.
-- Superusers and members of the owner have it everywhere. Within a function the reader is the function's owner.
create view engine.read_scope as
select o.is_owner or '*' = any (o.environment_ids) as is_everywhere, o.environment_ids
from (
    select coalesce((
               select pg_has_role(c.relowner, 'usage')
               from pg_class as c
               where c.oid = 'engine.grant'::regclass), false) as is_owner,
           array(
               select g.environment_id
               from engine.grant as g
               where g.capability = 'read' and (g.role = 0::regrole or pg_has_role(g.role, 'usage'))) as environment_ids
) as o;

comment on view engine.read_scope is 'Where the reader of this view may read, in one row';
