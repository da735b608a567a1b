-- What people did, the newest first.
select jsonb_build_object(
           'acted_at', a.acted_at,
           'actor', a.actor,
           'role', a.role,
           'action', a.action,
           'arguments', a.arguments) as row
from engine.audit as a
order by a.id desc
limit 50
