//! What a role that is granted one environment sees of another.

use anyhow::Result;
use engine_core::{Capabilities, Capability};
use engine_harness::{Database, Session};

use super::{Role, functions};

/// Values for the parameters of calls about something foreign; others are omitted.
fn value(parameter: &str, foreign: &Foreign) -> Option<String> {
    let (run, snapshot) = (&foreign.run, &foreign.snapshot);
    Some(match parameter {
        "run_id" => format!("'{run}'"),
        "snapshot_id" => format!("'{snapshot}'"),
        "run_ids" => format!("'{{{run}}}'"),
        "snapshot_ids" => format!("'{{{snapshot}}}'"),
        "waitpoint_id" => format!("'{}'", foreign.waitpoint),
        "waitpoint_ids" => format!("'{{{}}}'", foreign.waitpoint),
        "batch_id" => format!("'{}'", foreign.batch),
        "parent_run_id" => format!("'{run}'"),
        "run" => format!(
            "'{{\"task\": \"t\", \"environment_id\": \"own\", \"parent_run_id\": \"{run}\"}}'"
        ),
        "error" => "'{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}'".to_owned(),
        "dry_run" => "false".to_owned(),
        "completion" => "'{\"ok\": true}'".to_owned(),
        "completions" => {
            format!("'[{{\"run_id\": \"{run}\", \"snapshot_id\": \"{snapshot}\", \"ok\": true}}]'")
        }
        "delay_until" | "completed_after" => "'2100-01-01'".to_owned(),
        "type" => "'DOCKER'".to_owned(),
        "location" => "'here'".to_owned(),
        "runs" => format!(
            "'[{{\"task\": \"t\", \"environment_id\": \"own\", \"parent_run_id\": \"{run}\"}}]'"
        ),
        "task" => "'t'".to_owned(),
        "environment_id" => "'own'".to_owned(),
        "idempotency_key" => "'k'".to_owned(),
        "resume_parent" => "true".to_owned(),
        _ => return None,
    })
}

/// What a call is about.
struct Foreign {
    run: String,
    snapshot: String,
    waitpoint: String,
    batch: String,
}

/// A role with the capabilities that are granted by environment, in the environment `own`; `foreign` exists beside it.
async fn tenant(session: &Session) -> Result<Role> {
    let environments =
        "select engine_set_environment('own'); select engine_set_environment('foreign')";
    session.client.batch_execute(environments).await?;
    let role = Role::create(session, "tenant").await?;
    for capability in Capability::ALL {
        if capability.is_by_environment() {
            role.granted(session, capability.as_str(), "own").await?;
        }
    }
    Ok(role)
}

#[tokio::test]
async fn to_a_tenant_what_is_foreign_looks_like_what_does_not_exist() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let tenant = tenant(&session).await?;
    let sql = "select w.waitpoint_id, b.batch_id from engine_create_manual_waitpoint(environment_id => 'foreign') as w, \
               engine_create_batch(environment_id => 'foreign') as b";
    let row = session.client.query_one(sql, &[]).await?;
    let (waitpoint, batch): (String, String) = (row.get(0), row.get(1));
    let unknown = Foreign {
        run: "nnnnnnnnnnnnnnnnnnnnnnn00".to_owned(),
        snapshot: "nnnnnnnnnnnnnnnnnnnnnnnnn".to_owned(),
        waitpoint: "wwwwwwwwwwwwwwwwwwwwwww00".to_owned(),
        batch: "bbbbbbbbbbbbbbbbbbbbbbb00".to_owned(),
    };
    let functions = functions(&session).await?;
    let mut compared = 0;
    for state in ["delayed", "queued", "pending", "executing", "finished"] {
        let delay = if state == "delayed" {
            ", delay_until => now() + interval '1 day'"
        } else {
            ""
        };
        let trigger =
            format!("'{state}', environment_id => 'foreign', worker_queue => '{state}'{delay}");
        let run = session.trigger_with(&trigger).await?.run_id;
        let steps = ["pending", "executing", "finished"];
        let reached = steps.iter().position(|step| *step == state);
        for step in steps.iter().take(reached.map_or(0, |last| last + 1)) {
            let latest = "(select snapshot_id from engine.run_state where run_id = r.id)";
            let sql = match *step {
                "pending" => {
                    format!("select engine_dequeue('{state}', environment_id => 'foreign')")
                }
                "executing" => format!(
                    "select engine_start_attempt(r.id, {latest}) from engine.run as r where id = '{run}'"
                ),
                _ => format!(
                    "select engine_succeed(r.id, {latest}) from engine.run as r where id = '{run}'"
                ),
            };
            session.client.batch_execute(&sql).await?;
        }
        let sql = "select snapshot_id from engine.run_state where run_id = $1";
        let snapshot: String = session.client.query_one(sql, &[&run]).await?.get(0);
        let foreign = Foreign {
            run,
            snapshot,
            waitpoint: waitpoint.clone(),
            batch: batch.clone(),
        };
        for (name, parameters) in &functions {
            let needed = Capabilities::of(name);
            let is_by_environment = needed.each().any(Capability::is_by_environment);
            // The procedure is refused in a transaction block.
            if !is_by_environment || name == "engine_wait" {
                continue;
            }
            let call = |about: &Foreign, with: &[&str]| {
                let given = parameters.iter().filter_map(|(parameter, _)| {
                    let is_optional = [
                        "parent_run_id",
                        "batch_id",
                        "environment_id",
                        "idempotency_key",
                        "resume_parent",
                    ]
                    .contains(&&**parameter);
                    let is_wanted = !is_optional
                        || with.contains(&&**parameter)
                        || *parameter == "batch_id" && name.contains("batch");
                    let value = value(parameter, about).filter(|_| is_wanted)?;
                    // A new run chooses no id.
                    let is_new = name == "engine_trigger" && ["run_id"].contains(&&**parameter);
                    (!is_new).then(|| format!("{parameter} => {value}"))
                });
                format!(
                    "select to_jsonb(t) from {name}({}) as t",
                    given.collect::<Vec<_>>().join(", ")
                )
            };
            for with in [
                &["environment_id"][..],
                &["environment_id", "parent_run_id"],
                &["environment_id", "parent_run_id", "resume_parent"],
                &["environment_id", "batch_id", "idempotency_key"],
            ] {
                let (of_foreign, of_unknown) = (call(&foreign, with), call(&unknown, with));
                if of_foreign == of_unknown {
                    continue;
                }
                let answers = [
                    tenant.answer(&session, &of_foreign).await?,
                    tenant.answer(&session, &of_unknown).await?,
                ];
                let plain = |about: &Foreign, answer: &Result<Vec<String>, [String; 2]>| {
                    format!("{answer:?}")
                        .replace(&about.run, "RUN")
                        .replace(&about.snapshot, "SNAPSHOT")
                        .replace(&about.waitpoint, "WAITPOINT")
                        .replace(&about.batch, "BATCH")
                };
                let [foreign_answer, unknown_answer] = &answers;
                assert_eq!(
                    plain(&foreign, foreign_answer),
                    plain(&unknown, unknown_answer),
                    "{state}: {of_foreign}"
                );
                let is_changed = tenant.changes_runs(&session, &of_foreign).await?;
                assert!(!is_changed, "{state}: {of_foreign}");
                compared += 1;
            }
        }
    }
    // A run of its own waits for nothing foreign.
    let own = session
        .trigger_with("'t', environment_id => 'own', worker_queue => 'own'")
        .await?
        .run_id;
    let start =
        "select engine_start_attempt(d.run_id, d.snapshot_id) from engine_dequeue('own') as d";
    session.client.batch_execute(start).await?;
    for (foreign, unknown) in [
        (
            format!("array['{waitpoint}']"),
            format!("array['{}']", unknown.waitpoint),
        ),
        (
            format!("array['x'], '{batch}'"),
            format!("array['x'], '{}'", unknown.batch),
        ),
    ] {
        let block = |about: &str| format!("select engine_block('{own}', {about})");
        let codes = [
            tenant.code(&session, &block(&foreign)).await?,
            tenant.code(&session, &block(&unknown)).await?,
        ];
        assert!(
            codes[0].starts_with("RE01") && codes[0] == codes[1],
            "{codes:?}"
        );
    }
    println!("{compared} calls compared");
    assert!(compared > 150, "{compared}");
    tenant.drop(&session).await
}

#[tokio::test]
async fn a_tenant_names_no_other_environment_and_dequeues_from_no_other() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let tenant = tenant(&session).await?;
    for environment in ["foreign", "own", "default", "foreign"] {
        session
            .trigger_with(&format!("'t', environment_id => '{environment}'"))
            .await?;
    }
    for environment in ["foreign", "default", "none", "*"] {
        for call in [
            format!("engine_trigger('t', environment_id => '{environment}')"),
            format!(
                "engine_trigger_many('[{{\"task\": \"t\", \"environment_id\": \"{environment}\"}}]')"
            ),
            format!("engine_create_batch(environment_id => '{environment}')"),
            format!("engine_create_manual_waitpoint(environment_id => '{environment}')"),
            format!(
                "engine_create_datetime_waitpoint('2100-01-01', environment_id => '{environment}')"
            ),
            format!("engine_reset_idempotency_key('t', 'k', environment_id => '{environment}')"),
            format!("engine_dequeue(environment_id => '{environment}')"),
            format!("engine_work(environment_id => '{environment}')"),
            format!("engine_set_environment('{environment}')"),
            format!("engine_set_queue('q', '{environment}')"),
            format!("engine_register_worker('{environment}', '1')"),
            format!("engine_promote_worker('{environment}', '1')"),
            format!(
                "engine_set_schedule('s', 't', '* * * * *', environment_id => '{environment}')"
            ),
            format!("engine_set_retention('{environment}', keep => '1 day')"),
            format!("engine_delete_retention('{environment}')"),
            format!("engine_forget(filter => '{{\"environment_id\": \"{environment}\"}}')"),
            format!(
                "engine_create_failed_run('{{\"task\": \"t\", \"environment_id\": \"{environment}\"}}', '{{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}}')"
            ),
            format!(
                "engine_create_cancelled_run('{{\"task\": \"t\", \"environment_id\": \"{environment}\"}}')"
            ),
        ] {
            let code = tenant.code(&session, &format!("select {call}")).await?;
            assert_eq!(code, "42501", "{call}");
        }
    }
    // A procedure that commits is called outside of a transaction block.
    let role = format!("set role {}", tenant.name);
    session.client.batch_execute(&role).await?;
    let wait = "call engine_wait(environment_id => 'foreign', wait_ms => 0)";
    assert_eq!(session.refused(wait).await?.code, "42501");
    let wait = "call engine_wait(wait_ms => 0)";
    session.client.batch_execute(wait).await?;
    session.client.batch_execute("reset role").await?;
    for call in [
        "engine_dequeue(max_runs => 10)",
        "engine_work(max_runs => 10)",
    ] {
        let sql = format!("select environment_id from {call}");
        let answer = tenant.answer(&session, &sql).await?;
        assert_eq!(answer, Ok(vec!["own".to_owned()]), "{call}");
    }
    assert_eq!(
        tenant
            .code(
                &session,
                "select engine_trigger('t', environment_id => 'own')"
            )
            .await?,
        ""
    );
    // A second environment adds to the first.
    tenant.granted(&session, "work", "foreign").await?;
    let sql = "select environment_id from engine_dequeue(max_runs => 10) order by 1";
    let answer = tenant.answer(&session, sql).await?;
    assert_eq!(
        answer,
        Ok(["foreign", "foreign", "own"].map(str::to_owned).to_vec())
    );
    // What belongs to no environment alone is not granted for one.
    let grant = format!("select engine_grant('{}', 'tick', 'own')", tenant.name);
    assert_eq!(session.refused(&grant).await?.code, "22023");
    tenant.drop(&session).await
}

#[tokio::test]
async fn a_call_that_a_trigger_makes_for_its_owner_gives_the_tenant_nothing() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let tenant = tenant(&session).await?;
    let audit = "create function public.audit() returns trigger language plpgsql security definer set search_path = public as $$ \
                 begin perform engine_moved(array[]::text[], array[]::text[]); return null; end $$; \
                 create trigger audit after insert on engine.snapshot for each row execute function public.audit()";
    session.client.batch_execute(audit).await?;
    for environment in ["own", "own", "foreign"] {
        let arguments = format!("'t', environment_id => '{environment}'");
        session.trigger_with(&arguments).await?;
    }
    let sql = "select run_id, snapshot_id from engine_work(environment_id => 'own')";
    let row = session.client.query_one(sql, &[]).await?;
    let (run, snapshot): (String, String) = (row.get(0), row.get(1));
    let sql = format!(
        "select kind, environment_id from engine_work( \
         '[{{\"run_id\": \"{run}\", \"snapshot_id\": \"{snapshot}\", \"ok\": true}}]', max_runs => 10)"
    );
    let answer = tenant.answer(&session, &sql).await?;
    let expected = ["completed null", "started own"];
    assert_eq!(answer, Ok(expected.map(str::to_owned).to_vec()));
    tenant.drop(&session).await
}
