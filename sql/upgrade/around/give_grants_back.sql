-- Restores owner and grants of every earlier function, whether it was recreated or not; and they are no initial
-- privileges, so that a dump has them.
do $$
declare
    kept constant pg_catalog.jsonb := pg_catalog.current_setting('engine_update.functions');
    made pg_catalog.record;
    given pg_catalog.record;
begin
    for made in
        select p.oid, p.oid::pg_catalog.regprocedure as signature, p.proowner::pg_catalog.regrole as owner, kept -> p.proname::pg_catalog.text as old
        from pg_catalog.pg_proc as p
        join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
        join pg_catalog.pg_extension as x
          on x.oid = d.refobjid and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and x.extname = 'engine'
        where kept ? p.proname::pg_catalog.text
    loop
        if made.owner::pg_catalog.text <> made.old ->> 'owner' then
            execute pg_catalog.format('alter routine %s owner to %s', made.signature, made.old ->> 'owner');
        end if;
        for given in
            select g.grantee, g.is_grantable
            from pg_catalog.aclexplode((made.old ->> 'grants')::pg_catalog.aclitem[]) as g
            where g.grantee <> g.grantor
        loop
            execute pg_catalog.format('grant execute on routine %s to %s%s', made.signature,
                case given.grantee when 0 then 'public' else given.grantee::pg_catalog.regrole::pg_catalog.text end,
                case when given.is_grantable then ' with grant option' else '' end);
        end loop;
        update pg_catalog.pg_init_privs as i
        set initprivs = (made.old ->> 'initial')::pg_catalog.aclitem[]
        where i.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass and i.objoid = made.oid and i.objsubid = 0
          and made.old ->> 'initial' is not null;
        -- From 17 on, each role of an initial privilege is noted, and cannot be dropped: those noted just now have none.
        delete from pg_catalog.pg_shdepend as d
        where d.dbid = (select b.oid from pg_catalog.pg_database as b where b.datname = pg_catalog.current_database())
          and d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = made.oid and d.deptype = 'i'
          and made.old ->> 'initial' is not null
          and not exists (
              select from pg_catalog.aclexplode((made.old ->> 'initial')::pg_catalog.aclitem[]) as g
              where g.grantee = d.refobjid or g.grantor = d.refobjid);
    end loop;
end
$$;
