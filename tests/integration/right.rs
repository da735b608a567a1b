//! Rights by capability and environment: what a grant lets a role do, and that it lets it do no more.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use engine_core::{Capabilities, Capability, ROUTINES};
use engine_harness::{Database, Session};

/// A role of one test. Roles belong to the server, so their names hold that of the database.
struct Role {
    name: String,
}

impl Role {
    async fn create(session: &Session, kind: &str) -> Result<Self> {
        let row = session.client.query_one("select current_database()", &[]);
        let database: String = row.await?.get(0);
        let id = database.bytes().fold(0_u64, |id, byte| {
            id.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let name = format!("{kind}_{id}");
        let create = format!("create role {name}");
        session.client.batch_execute(&create).await?;
        Ok(Self { name })
    }

    async fn granted(&self, session: &Session, capability: &str, environment: &str) -> Result<()> {
        let sql = format!(
            "select engine_grant('{}', '{capability}', '{environment}')",
            self.name
        );
        Ok(session.client.batch_execute(&sql).await?)
    }

    async fn deprived(&self, session: &Session, capability: &str, environment: &str) -> Result<()> {
        let sql = format!(
            "select engine_revoke('{}', '{capability}', '{environment}')",
            self.name
        );
        Ok(session.client.batch_execute(&sql).await?)
    }

    /// The answer to a statement of this role: its rows, or SQLSTATE and message of its error. Nothing of it stays.
    async fn answer(
        &self,
        session: &Session,
        sql: &str,
    ) -> Result<Result<Vec<String>, [String; 2]>> {
        let begin = format!("begin; set local role {}", self.name);
        session.client.batch_execute(&begin).await?;
        let answer = session.client.simple_query(sql).await;
        session.client.batch_execute("rollback").await?;
        match answer {
            Ok(messages) => Ok(Ok(messages
                .iter()
                .filter_map(|message| match message {
                    tokio_postgres::SimpleQueryMessage::Row(row) => Some(
                        (0..row.len())
                            .map(|index| row.get(index).unwrap_or("null"))
                            .collect::<Vec<_>>()
                            .join(" "),
                    ),
                    _ => None,
                })
                .collect())),
            Err(error) => {
                let error = error.as_db_error().context("the server is gone")?;
                Ok(Err([
                    error.code().code().to_owned(),
                    error.message().to_owned(),
                ]))
            }
        }
    }

    /// Whether a statement of this role changes a run, or its deadline.
    async fn changes_runs(&self, session: &Session, sql: &str) -> Result<bool> {
        let state = "select md5(string_agg(s::text || coalesce(h::text, ''), ',' order by s.run_id)) \
                     from engine.run_state as s left join engine.heartbeat as h on h.run_id = s.run_id";
        let before: String = session.client.query_one(state, &[]).await?.get(0);
        let begin = format!("begin; set local role {}", self.name);
        session.client.batch_execute(&begin).await?;
        let is_done = session.client.batch_execute(sql).await.is_ok();
        let mut after = before.clone();
        if is_done {
            session.client.batch_execute("reset role").await?;
            after = session.client.query_one(state, &[]).await?.get(0);
        }
        session.client.batch_execute("rollback").await?;
        Ok(before != after)
    }

    /// The SQLSTATE of a statement of this role; empty for one that succeeds.
    async fn code(&self, session: &Session, sql: &str) -> Result<String> {
        Ok(match self.answer(session, sql).await? {
            Ok(_) => String::new(),
            Err([code, _]) => code,
        })
    }

    async fn drop(self, session: &Session) -> Result<()> {
        let drop = format!("drop owned by {0}; drop role {0}", self.name);
        Ok(session.client.batch_execute(&drop).await?)
    }
}

/// The functions of the extension, each with the names and types of its parameters.
async fn functions(session: &Session) -> Result<BTreeMap<String, Vec<(String, String)>>> {
    let sql = "select p.proname::text, p.proargnames[1:p.pronargs], \
                      array(select t::regtype::text from unnest(p.proargtypes::oid[]) with ordinality as u(t, o) order by o) \
               from pg_proc as p \
               join pg_depend as d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
               join pg_extension as x on x.oid = d.refobjid and x.extname = 'engine'";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let names: Option<Vec<String>> = row.get(1);
            let types: Vec<String> = row.get(2);
            let named = names.unwrap_or_default().into_iter().zip(types);
            (row.get(0), named.collect())
        })
        .collect())
}

#[tokio::test]
async fn a_function_takes_one_of_its_capabilities_and_the_right_to_execute_alone_is_not_enough()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let role = Role::create(&session, "capable").await?;
    let functions = functions(&session).await?;
    let listed: Vec<&str> = ROUTINES.iter().map(|(name, _)| *name).collect();
    for name in functions.keys() {
        let is_the_owners = ["engine_grant", "engine_revoke"].contains(&&**name);
        ensure!(is_the_owners != listed.contains(&&**name), "{name}");
        let execute = format!("grant execute on routine {name} to {}", role.name);
        session.client.batch_execute(&execute).await?;
    }
    let held = Capability::ALL.iter().copied().map(Some).chain([None]);
    for capability in held {
        if let Some(capability) = capability {
            role.granted(&session, capability.as_str(), "*").await?;
        }
        for (name, parameters) in &functions {
            let needed = Capabilities::of(name);
            let may = name == "engine_version" || capability.is_some_and(|of| needed.has(of));
            let call = if name == "engine_wait" {
                // It is refused before that in a transaction block.
                continue;
            } else {
                let nulls = parameters.iter().map(|(_, of)| format!("null::{of}"));
                format!("select {name}({})", nulls.collect::<Vec<_>>().join(", "))
            };
            let code = role.code(&session, &call).await?;
            assert_eq!(code != "42501", may, "{name} with {capability:?}: {code}");
        }
        if let Some(capability) = capability {
            role.deprived(&session, capability.as_str(), "*").await?;
            // What it has by itself is kept for the next round.
            for name in functions.keys() {
                let execute = format!("grant execute on routine {name} to {}", role.name);
                session.client.batch_execute(&execute).await?;
            }
        }
    }
    role.drop(&session).await
}

#[tokio::test]
async fn a_grant_is_all_that_a_role_needs_and_a_revocation_takes_it_back() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let role = Role::create(&session, "granted").await?;
    let trigger = "select engine_trigger('t')";
    assert_eq!(role.code(&session, trigger).await?, "42501");
    role.granted(&session, "trigger", "*").await?;
    assert_eq!(role.code(&session, trigger).await?, "");
    assert_eq!(
        role.code(&session, "select engine_dequeue()").await?,
        "42501"
    );
    // A function that another grant takes as well is kept.
    role.granted(&session, "operate", "*").await?;
    role.deprived(&session, "trigger", "*").await?;
    assert_eq!(role.code(&session, trigger).await?, "42501");
    let cancel = "select engine_cancel('x')";
    assert_eq!(role.code(&session, cancel).await?, "RE001");
    role.deprived(&session, "operate", "*").await?;
    assert_eq!(role.code(&session, cancel).await?, "42501");
    let read = "select count(*) from engine.run_overview";
    assert_eq!(role.code(&session, read).await?, "42501");
    role.granted(&session, "read", "*").await?;
    assert_eq!(role.code(&session, read).await?, "");
    let table = "select count(*) from engine.run";
    assert_eq!(role.code(&session, table).await?, "42501");
    role.deprived(&session, "read", "*").await?;
    assert_eq!(role.code(&session, read).await?, "42501");
    role.drop(&session).await
}

#[tokio::test]
async fn a_call_is_made_by_the_current_user_also_within_a_function_of_an_application() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    let app = Role::create(&session, "app").await?;
    let user = Role::create(&session, "user").await?;
    app.granted(&session, "trigger", "*").await?;
    session
        .client
        .batch_execute(&format!(
            "create schema app authorization {0}; grant usage on schema app to {1}; \
             create function app.order_placed() returns text language plpgsql security definer \
                 as $$ declare id text := (engine_trigger('order')).run_id; begin return id; end $$; \
             create function app.ask() returns text language sql security definer \
                 as $$ select run_id from public.engine_trigger('order') $$; \
             alter function app.order_placed owner to {0}; alter function app.ask owner to {1}; \
             grant execute on function engine_trigger to {1}",
            app.name, user.name
        ))
        .await?;
    let direct = "select engine_trigger('order')";
    assert_eq!(user.code(&session, direct).await?, "42501");
    let wrapped = "select app.order_placed()";
    assert_eq!(user.code(&session, wrapped).await?, "");
    // And the other way round: one who may calls a function of one who may not.
    assert_eq!(app.code(&session, direct).await?, "");
    let execute = format!("grant execute on function app.ask to {}", app.name);
    session.client.batch_execute(&execute).await?;
    assert_eq!(app.code(&session, "select app.ask()").await?, "42501");
    session
        .client
        .batch_execute("drop schema app cascade")
        .await?;
    user.drop(&session).await?;
    app.drop(&session).await
}

#[tokio::test]
async fn another_session_obeys_a_grant_and_a_membership_from_its_next_call_on() -> Result<()> {
    let database = Database::fresh().await?;
    let (operator, caller) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let group = Role::create(&operator, "team").await?;
    let member = Role::create(&operator, "member").await?;
    let trigger = "select engine_trigger('t')";
    group.granted(&operator, "trigger", "*").await?;
    assert_eq!(member.code(&caller, trigger).await?, "42501");
    let join = format!("grant {} to {}", group.name, member.name);
    operator.client.batch_execute(&join).await?;
    assert_eq!(member.code(&caller, trigger).await?, "");
    let listed = format!(
        "engine.permission where role = '{}' and capability = 'trigger' and granted_to = '{}'",
        member.name, group.name
    );
    assert_eq!(operator.count(&listed).await?, 1);
    let leave = format!("revoke {} from {}", group.name, member.name);
    operator.client.batch_execute(&leave).await?;
    assert_eq!(member.code(&caller, trigger).await?, "42501");
    member.granted(&operator, "trigger", "*").await?;
    assert_eq!(member.code(&caller, trigger).await?, "");
    member.deprived(&operator, "trigger", "*").await?;
    // The right to execute is not what refuses it.
    let execute = format!(
        "grant execute on function engine_trigger to {}",
        member.name
    );
    operator.client.batch_execute(&execute).await?;
    assert_eq!(member.code(&caller, trigger).await?, "42501");
    member.drop(&operator).await?;
    group.drop(&operator).await
}

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
    for capability in ["trigger", "work", "wait"] {
        role.granted(session, capability, "own").await?;
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
    for capability in ["read", "operate", "tick"] {
        let grant = format!(
            "select engine_grant('{}', '{capability}', 'own')",
            tenant.name
        );
        assert_eq!(session.refused(&grant).await?.code, "22023", "{capability}");
    }
    tenant.drop(&session).await
}

#[tokio::test]
async fn only_the_owner_grants_and_a_role_that_was_dropped_leaves_nothing_to_the_next() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    let role = Role::create(&session, "operator").await?;
    for capability in Capability::ALL {
        role.granted(&session, capability.as_str(), "*").await?;
    }
    let execute = format!(
        "grant execute on function engine_grant, engine_revoke to {}",
        role.name
    );
    session.client.batch_execute(&execute).await?;
    let grant = format!("select engine_grant('{}', 'tick')", role.name);
    assert_eq!(role.code(&session, &grant).await?, "42501");
    assert_eq!(
        session
            .refused("select engine_grant('no such role', 'tick')")
            .await?
            .code,
        "22023"
    );
    assert_eq!(
        session
            .refused("select engine_grant('public', 'all')")
            .await?
            .code,
        "22023"
    );
    let (granted, again) = (
        "select engine_grant('public', 'tick')",
        "select engine_grant('public', 'tick', '*')",
    );
    assert!(
        session
            .client
            .query_one(granted, &[])
            .await?
            .get::<_, bool>(0)
    );
    assert!(
        !session
            .client
            .query_one(again, &[])
            .await?
            .get::<_, bool>(0)
    );
    role.drop(&session).await?;
    session
        .client
        .batch_execute(
            "select engine_revoke('public', 'work'); select engine_revoke('public', 'tick')",
        )
        .await?;
    assert_eq!(session.count("engine.grant").await?, 0);
    Ok(())
}
