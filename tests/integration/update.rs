//! The update from the release before this one.

mod old_data;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use engine_harness::{Database, Session, Workspace};
use serde_json::json;

/// The release to update from.
pub const OLD: &str = "0.1.0";

/// Every object of the extension, one per line: columns, constraints, indexes, views, functions, types, grants,
/// comments, and the objects in a dump. The order of columns is ignored: an update adds them at the end.
const CATALOG: &str = "
    select format('column %s.%s %s %s %s %s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
                  a.attnotnull, a.attgenerated::text, coalesce(pg_get_expr(d.adbin, d.adrelid), '-')) as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'v', 'S')
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.relnamespace = 'engine'::regnamespace and a.attnum > 0 and not a.attisdropped
    union all
    select format('constraint %s.%s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_constraint where connamespace = 'engine'::regnamespace
    union all
    select format('index %s', pg_get_indexdef(i.indexrelid)) from pg_index i
    join pg_class c on c.oid = i.indrelid where c.relnamespace = 'engine'::regnamespace
    union all
    select format('relation %s %s %s %s %s', oid::regclass, relkind, reloptions, relacl, obj_description(oid, 'pg_class'))
    from pg_class where relnamespace = 'engine'::regnamespace and relkind in ('r', 'v', 'S', 'i')
    union all
    select format('view %s %s', c.oid::regclass, pg_get_viewdef(c.oid)) from pg_class c
    where c.relnamespace = 'engine'::regnamespace and c.relkind = 'v'
    union all
    select format('comment %s.%s %s', a.attrelid::regclass, a.attname, o.description) from pg_description o
    join pg_class c on c.oid = o.objoid and o.classoid = 'pg_class'::regclass
    join pg_attribute a on a.attrelid = c.oid and a.attnum = o.objsubid
    where c.relnamespace = 'engine'::regnamespace and o.objsubid > 0
    union all
    select format('type %s %s %s', t.oid::regtype, obj_description(t.oid, 'pg_type'),
                  (select array_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
    from pg_type t where t.typnamespace = 'engine'::regnamespace and t.typtype = 'e'
    union all
    select format('function %s %s %s', pg_get_functiondef(p.oid), p.proacl, obj_description(p.oid, 'pg_proc'))
    from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    join pg_extension x on x.oid = d.refobjid and x.extname = 'engine'
    union all
    select format('dumped %s %s', c::regclass, x.extcondition[o])
    from pg_extension x, unnest(x.extconfig) with ordinality as u(c, o) where x.extname = 'engine'
    order by 1";

async fn catalog(session: &Session) -> Result<Vec<String>> {
    let rows = session.client.query(CATALOG, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// A database with the catalog of the old release and the library of this one.
async fn outdated() -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let install = format!("drop extension engine; create extension engine version '{OLD}'");
    session.client.batch_execute(&install).await?;
    Ok(session)
}

const UPDATE: &str = "alter extension engine update";

/// What has been released, and its SHA-256: the install scripts, and the update scripts between them.
const RELEASED: [(&str, &str); 1] = [(
    "install/engine--0.1.0.sql",
    "9025eabbc402f94ea1b570910bea1b94df522a084d6a92f704fe1d34dc933533",
)];

#[test]
fn a_released_script_never_changes() -> Result<()> {
    let sql = Workspace::find()?.root().join("sql");
    let names = |directory: &str| -> Result<Vec<String>> {
        let entries = fs::read_dir(sql.join(directory))?.filter_map(Result::ok);
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        Ok(names
            .filter(|name| name.ends_with(".sql"))
            .map(|name| format!("{directory}/{name}"))
            .collect())
    };
    let installs = names("install")?;
    let is_released = |update: &String| {
        let version = update.rsplit("--").next().unwrap_or_default();
        installs.contains(&format!("install/engine--{version}"))
    };
    let mut frozen = installs.clone();
    frozen.extend(names("upgrade")?.into_iter().filter(is_released));
    frozen.sort();
    let expected: Vec<&str> = RELEASED.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        frozen, expected,
        "every script of a release has its digest here"
    );
    for (name, digest) in RELEASED {
        let output = Command::new("sha256sum").arg(sql.join(name)).output()?;
        let text = String::from_utf8(output.stdout)?;
        let found = text.split(' ').next().context("sha256sum says nothing")?;
        assert_eq!(found, digest, "{name} has been released");
    }
    Ok(())
}

#[tokio::test]
async fn a_session_that_keeps_the_old_library_is_refused_after_an_update() -> Result<()> {
    let database = Database::fresh().await?;
    let (old, updating) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    old.broken_on_purpose().await?;
    old.trigger("before").await?;
    updating
        .client
        .batch_execute(&format!(
            "begin; update pg_extension set extversion = '99.0.0' where extname = 'engine'; {}; commit",
            include_str!("../../sql/upgrade/around/announce.sql")
        ))
        .await?;
    let refused = old.refused("select engine_trigger('after')").await?;
    assert_eq!(refused.code, "RE007");
    assert!(refused.detail.contains("99.0.0"), "{refused:?}");
    assert!(refused.hint.starts_with("Reconnect"), "{refused:?}");
    assert_eq!(old.count("engine.run").await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_update_leaves_the_catalog_of_a_fresh_install() -> Result<()> {
    let fresh = Session::open(&Database::fresh().await?).await?;
    let updated = outdated().await?;
    updated.client.batch_execute(UPDATE).await?;
    let (fresh, updated) = (catalog(&fresh).await?, catalog(&updated).await?);
    let missing: Vec<&String> = fresh
        .iter()
        .filter(|line| !updated.contains(line))
        .collect();
    let left: Vec<&String> = updated
        .iter()
        .filter(|line| !fresh.contains(line))
        .collect();
    assert!(fresh.len() > 300, "{} objects", fresh.len());
    assert!(
        missing.is_empty() && left.is_empty(),
        "missing: {missing:#?}\nleft over: {left:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn every_call_between_library_and_update_is_refused_with_advice() -> Result<()> {
    let session = outdated().await?;
    let calls = "select p.oid::regproc::text, \
                        array(select t::regtype::text from unnest(p.proargtypes::oid[]) with ordinality as u(t, o) order by o) \
                 from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
                 join pg_extension x on x.oid = d.refobjid and x.extname = 'engine' where p.proname <> 'engine_version'";
    let calls = session.client.query(calls, &[]).await?;
    assert!(calls.len() > 40, "{} functions", calls.len());
    let mut answered = Vec::new();
    for row in &calls {
        let (function, types): (String, Vec<String>) = (row.get(0), row.get(1));
        let arguments: Vec<String> = types.iter().map(|name| format!("null::{name}")).collect();
        let sql = format!("select * from {function}({})", arguments.join(", "));
        let refused = session.refused(&sql).await?;
        if refused.code != "RE007" || !refused.hint.contains("UPDATE") {
            answered.push((function, refused));
        }
    }
    assert!(answered.is_empty(), "{answered:#?}");
    session.client.batch_execute(UPDATE).await?;
    session.trigger("t").await?;
    Ok(())
}

#[tokio::test]
async fn an_updated_database_keeps_every_run_until_a_policy_is_set() -> Result<()> {
    let session = outdated().await?;
    session.client.batch_execute(UPDATE).await?;
    let run = session.ended("'t'").await?;
    session.age(1000).await?;
    assert_eq!(session.sweep().await?, 0);
    let kept = "select keep is null, ended_runs from engine_retention()";
    let rows = session.client.query(kept, &[]).await?;
    let [row] = rows.as_slice() else {
        panic!("{} policies", rows.len());
    };
    assert_eq!((row.get::<_, bool>(0), row.get::<_, i64>(1)), (true, 1));
    session
        .client
        .batch_execute("select engine_set_retention(task => 'other', keep => '0')")
        .await?;
    assert_eq!(session.sweep().await?, 0, "it is about another task");
    let deleted = session
        .client
        .query_one("select engine_delete_retention()", &[]);
    assert!(deleted.await?.get::<_, bool>(0));
    assert_eq!(session.sweep().await?, 1);
    assert!(!session.exists(&run.run_id).await?);
    session.check().await
}

/// Rights to execute functions, one grant per line; and whether a dump omits it.
const GRANTS: &str = "
    select format('%s by %s: %s %s', p.proname, p.proowner::regrole, case g.grantee when 0 then 'public' else g.grantee::regrole::text end,
                  g.is_grantable) as line
    from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    join pg_extension x on x.oid = d.refobjid and x.extname = 'engine', aclexplode(p.proacl) g
    union all
    select format('%s at first: %s', p.proname, i.initprivs)
    from pg_proc p join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    join pg_extension x on x.oid = d.refobjid and x.extname = 'engine'
    join pg_init_privs i on i.classoid = d.classid and i.objoid = p.oid";

async fn grants(session: &Session) -> Result<BTreeSet<String>> {
    let rows = session.client.query(GRANTS, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn an_update_keeps_every_grant_on_every_function_and_a_dump_has_them() -> Result<()> {
    let session = outdated().await?;
    let process = std::process::id();
    let (user, owner) = (format!("\"User {process}\""), format!("owner_{process}"));
    session
        .client
        .batch_execute(&format!(
            "create role {user}; create role {owner} superuser;
             do $$
             declare f regprocedure;
             begin
                 for f in select p.oid from pg_proc p join pg_depend d
                          on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
                          join pg_extension x on x.oid = d.refobjid and x.extname = 'engine' loop
                     execute format('grant execute on function %s to {user} with grant option', f);
                     execute format('grant execute on function %s to public', f);
                     execute format('alter function %s owner to {owner}', f);
                 end loop;
             end $$"
        ))
        .await?;
    let before = grants(&session).await?;
    session.client.batch_execute(UPDATE).await?;
    let after = grants(&session).await?;
    let lost: Vec<&String> = before.difference(&after).collect();
    assert!(before.len() > 150, "{} grants", before.len());
    assert!(lost.is_empty(), "{lost:#?}");
    // Initial privileges are the same as before: all others are in a dump.
    let written = after
        .iter()
        .filter(|line| line.contains("at first") && line.contains("User"));
    assert_eq!(written.collect::<Vec<_>>(), Vec::<&String>::new());
    let clean =
        format!("drop extension engine; drop owned by {user}, {owner}; drop role {user}, {owner}");
    session.broken_on_purpose().await?;
    session.client.batch_execute(&clean).await?;
    Ok(())
}

#[tokio::test]
async fn runs_of_the_old_release_continue_after_the_update() -> Result<()> {
    let made = Session::open(&Database::fresh().await?).await?;
    let executing = made.executing("executing").await?;
    let waiting = made.executing("waiting").await?;
    let token = made.token().await?;
    made.block(&waiting.run_id, &[&token]).await?;
    made.trigger("queued").await?;
    made.trigger_with("'later', delay_until => now() + interval '1 day'")
        .await?;
    let session = outdated().await?;
    made.copy_rows(&session).await?;
    session.client.batch_execute(UPDATE).await?;

    session.check().await?;
    session.complete(&executing, json!({"ok": true})).await?;
    session.complete_waitpoint(&token).await?;
    assert_eq!(
        session.execution_status(&waiting.run_id).await?,
        "EXECUTING"
    );
    let taken = session.take().await?;
    session.complete(&taken, json!({"ok": true})).await?;
    assert!(session.dequeue().await?.is_none());
    session.check().await
}

#[tokio::test]
async fn after_an_update_a_role_may_do_what_it_could_and_no_more() -> Result<()> {
    let session = outdated().await?;
    let role = format!("earlier_{}", std::process::id());
    let grants = format!(
        "create role {role}; \
         grant execute on function engine_trigger, engine_cancel to {role}; \
         grant execute on function engine_tick to public; \
         grant usage on schema engine to {role}; grant select on engine.run_overview to {role}"
    );
    session.client.batch_execute(&grants).await?;
    session.client.batch_execute(UPDATE).await?;
    let set = format!("set role {role}");
    session.client.batch_execute(&set).await?;
    let run = session.trigger("t").await?;
    session.cancel(&format!("'{}'", run.run_id)).await?;
    session.tick().await?;
    for call in [
        "engine_dequeue()",
        "engine_trigger_many('[]')",
        "engine_set_queue('q')",
    ] {
        let refused = session.refused(&format!("select {call}")).await?;
        assert_eq!(refused.code, "42501", "{call}");
    }
    assert_eq!(session.count("engine.run_overview").await?, 1);
    session.client.batch_execute("reset role").await?;
    let held = format!(
        "engine.permission where (role, capability, environment_id) in \
         (('{role}', 'trigger', '*'), ('{role}', 'read', '*'), ('public', 'tick', '*'))"
    );
    assert_eq!(session.count(&held).await?, 3);
    assert_eq!(session.count("engine.grant").await?, 3);
    let drop = format!("drop owned by {role}; drop role {role}");
    Ok(session.client.batch_execute(&drop).await?)
}
