//! What each capability lets a role see of the tables, views and sequences.

use anyhow::{Result, ensure};
use engine_core::Capability;
use engine_harness::{Database, Session, Workspace};

use super::Role;

/// Runs of two environments in every state that a view shows, and a schedule of each.
async fn staged(session: &Session) -> Result<()> {
    for environment in ["own", "foreign"] {
        let sql = format!(
            "select engine_set_environment('{environment}'); \
             select engine_set_queue('q', '{environment}'); \
             select engine_set_quota('{environment}', schedules => 9, queued_runs => 9); \
             select engine_set_schedule('{environment}', 't', '* * * * *', environment_id => '{environment}')"
        );
        session.client.batch_execute(&sql).await?;
        for run in ["a", "b"] {
            let trigger = format!(
                "'t', run_id => '{environment}-{run}', environment_id => '{environment}', worker_queue => '{environment}'"
            );
            session.trigger_with(&trigger).await?;
        }
        let start = format!(
            "select engine_start_attempt(d.run_id, d.snapshot_id) from engine_dequeue('{environment}') as d"
        );
        session.client.batch_execute(&start).await?;
        let failed = format!(
            "select engine_create_failed_run('{{\"task\": \"t\", \"environment_id\": \"{environment}\"}}', \
                                             '{{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}}')"
        );
        session.client.batch_execute(&failed).await?;
        // An event that is none of the history.
        let notice = format!(
            "insert into engine.notice (shard, position, horizon, run_id, name, body, created_at) \
             select r.shard, nextval('engine.event_position'), 0, r.id, 'staged', '{{}}', now() \
             from engine.run as r where r.id = '{environment}-a'"
        );
        session.client.batch_execute(&notice).await?;
        let bulk = format!(
            "insert into engine.bulk_action (id, shard, after_id, action, state, filter, options, environment_ids, created_by, \
                                             session_role, created_at, worked_at, total, is_total_exact) \
             values ('{environment}', 0, '', 'cancel', 'RUNNING', '{{\"task\": \"none\"}}', '{{}}', array['{environment}'], 'r', \
                     'r', now(), now(), 0, true)"
        );
        session.client.batch_execute(&bulk).await?;
        let action = format!(
            "begin; set local engine.actor = 'r'; select engine_set_queue('q', '{environment}'); commit"
        );
        session.client.batch_execute(&action).await?;
    }
    Ok(())
}

/// The names of relations of a kind, and whether each shows a reader its own environments.
async fn relations(session: &Session, kind: &str) -> Result<Vec<(String, bool)>> {
    let sql = "select relname::text, coalesce('security_barrier=true' = any (reloptions), false) from pg_class \
               where relnamespace = 'engine'::regnamespace and relkind::text = $1 order by 1";
    let rows = session.client.query(sql, &[&kind]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[tokio::test]
async fn every_table_view_and_sequence_shows_a_role_what_its_capability_says() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.broken_on_purpose().await?;
    staged(&session).await?;
    let role = Role::create(&session, "reader").await?;
    let views = relations(&session, "v").await?;
    let mut others = relations(&session, "r").await?;
    others.extend(relations(&session, "S").await?);
    ensure!(
        views.len() > 30 && others.len() > 30,
        "{} views",
        views.len()
    );
    for capability in Capability::ALL {
        for environment in ["*", "own"] {
            if environment == "own" && !capability.is_by_environment() {
                continue;
            }
            role.granted(&session, capability.as_str(), environment)
                .await?;
            let reads = *capability == Capability::Read;
            for (name, is_filtered) in &views {
                let select = format!("select * from engine.{name}");
                let code = role.code(&session, &select).await?;
                let may = reads && (*is_filtered || environment == "*");
                assert_eq!(
                    code.is_empty(),
                    may,
                    "{name} with {capability} in {environment}"
                );
                if may && *is_filtered {
                    let sees = async |text: &str| {
                        let sql = format!(
                            "select count(*) from engine.{name} as v where v::text like '%{text}%'"
                        );
                        let answer = role.answer(&session, &sql).await?;
                        anyhow::Ok(answer != Ok(vec!["0".to_owned()]))
                    };
                    ensure!(sees("own").await?, "{name} shows nothing");
                    let is_all = environment == "*";
                    assert_eq!(sees("foreign").await?, is_all, "{name} in {environment}");
                }
            }
            for (name, _) in &others {
                let select = format!("select * from engine.{name}");
                let code = role.code(&session, &select).await?;
                assert_eq!(code, "42501", "{name} with {capability}");
            }
            role.deprived(&session, capability.as_str(), environment)
                .await?;
        }
    }
    role.drop(&session).await
}

#[tokio::test]
async fn a_readers_views_follow_its_grants_and_no_function_of_its_own_sees_more() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.broken_on_purpose().await?;
    staged(&session).await?;
    let role = Role::create(&session, "reader").await?;
    let runs = "select string_agg(distinct environment_id, ' ' order by environment_id) from engine.run_overview";
    let whole = "select count(*) > 0 from engine.rate";
    role.granted(&session, "read", "own").await?;
    assert_eq!(role.code(&session, whole).await?, "42501");
    // A function that is cheap to the planner runs after the filter.
    let spy = format!(
        "create schema spy authorization {0}; grant usage on schema spy to {0}; \
         create function spy.see(text) returns boolean language plpgsql cost 0.0000001 as \
             $$ begin if $1 like '%foreign%' then raise 'seen'; end if; return true; end $$; \
         alter function spy.see owner to {0}",
        role.name
    );
    session.client.batch_execute(&spy).await?;
    for (name, is_filtered) in relations(&session, "v").await? {
        if is_filtered {
            let look = format!("select count(*) from engine.{name} as v where spy.see(v::text)");
            assert_eq!(role.code(&session, &look).await?, "", "{name}");
        }
    }
    role.granted(&session, "read", "*").await?;
    assert_eq!(role.code(&session, whole).await?, "");
    let all = role.answer(&session, runs).await?;
    assert_eq!(all, Ok(vec!["foreign own".to_owned()]));
    // What is left of two grants is what the other one gives.
    role.deprived(&session, "read", "*").await?;
    assert_eq!(role.code(&session, whole).await?, "42501");
    let own = role.answer(&session, runs).await?;
    assert_eq!(own, Ok(vec!["own".to_owned()]));
    role.deprived(&session, "read", "own").await?;
    assert_eq!(role.code(&session, runs).await?, "42501");
    // The right of Postgres alone shows nothing.
    let select = format!(
        "grant usage on schema engine to {0}; grant select on engine.run_overview to {0}",
        role.name
    );
    session.client.batch_execute(&select).await?;
    let nothing = role.answer(&session, runs).await?;
    assert_eq!(nothing, Ok(vec!["null".to_owned()]));
    session
        .client
        .batch_execute("drop schema spy cascade")
        .await?;
    role.drop(&session).await
}

#[tokio::test]
async fn no_statement_and_no_other_view_reads_what_only_shows_readers_their_own() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let root = Workspace::find()?.root().join("sql/statement");
    for (name, is_filtered) in relations(&session, "v").await? {
        if !is_filtered {
            continue;
        }
        for entry in std::fs::read_dir(&root)? {
            let path = entry?.path();
            if path.is_file() {
                let text = std::fs::read_to_string(&path)?;
                let reads = text.contains(&format!("engine.{name} as"));
                assert!(!reads, "{} reads {name}", path.display());
            }
        }
        let readers = format!(
            "pg_depend as d join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid \
             where d.refobjid = 'engine.{name}'::regclass and w.ev_class <> d.refobjid"
        );
        assert_eq!(session.count(&readers).await?, 0, "{name}");
    }
    Ok(())
}
