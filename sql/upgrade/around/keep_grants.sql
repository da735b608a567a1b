-- Saves grants and owners of the functions, by name: a function whose parameters have changed is dropped and re-
-- created. Initial privileges too: those that hold while an update script revokes become what a dump leaves out.
do $$
begin
    perform pg_catalog.set_config('engine_update.functions', pg_catalog.jsonb_object_agg(p.proname, pg_catalog.jsonb_build_object(
        'owner', p.proowner::pg_catalog.regrole,
        'grants', coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))::pg_catalog.text,
        'initial', i.initprivs::pg_catalog.text))::pg_catalog.text, true)
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid and d.deptype = 'e'
    join pg_catalog.pg_extension as x
      on x.oid = d.refobjid and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and x.extname = 'engine'
    left join pg_catalog.pg_init_privs as i on i.classoid = d.classid and i.objoid = p.oid and i.objsubid = 0;
end
$$;
