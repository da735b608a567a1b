-- What names the slots of this server's subscriptions.
select jsonb_build_object(
           'system', (select c.system_identifier::text from pg_control_system() as c),
           'subscriptions', (select coalesce(jsonb_agg(s.oid::text), '[]') from pg_subscription as s)) as row
