//! The doctor: every staged trouble is found, alone and with its cause, and its command mends it.

use anyhow::{Context, Result, ensure};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Options, Session};

use crate::wakeup::PATIENCE;

/// Two runs that execute.
const TWO_RUNS: &str = "
    select engine_trigger('t', run_id => 'a');
    select engine_trigger('t', run_id => 'b');
    select engine_start_attempt(run_id, snapshot_id) from engine_dequeue(max_runs => 2);";

/// A trouble that one session stages.
struct Trouble {
    /// What happens.
    staged: &'static str,
    /// Weight, kind and subject of the finding.
    found: [&'static str; 3],
    /// Part of its detail: the cause.
    cause: &'static str,
    /// What happens besides the finding's command, if it has one, until the finding is gone.
    mended: &'static str,
}

const TROUBLES: &[Trouble] = &[
    Trouble {
        staged: "update engine.heartbeat set check_at = now() - interval '1 minute', deadline_at = now() - interval '1 minute'",
        found: ["problem", "tick", "heartbeat"],
        cause: "No worker leads those that tick, and no background worker does it.",
        mended: "",
    },
    Trouble {
        staged: "select engine_trigger('u')",
        found: ["problem", "unclaimed", "task/u"],
        cause: "No worker dequeues them.",
        mended: "select engine_dequeue()",
    },
    Trouble {
        staged: "select engine_set_queue('task/u', concurrency_limit => 0); select engine_tick(); select engine_trigger('u')",
        found: ["problem", "unclaimed", "task/u"],
        cause: "The limit of the queue is 0.",
        mended: "select engine_dequeue()",
    },
    Trouble {
        staged: "select engine_set_queue('task/u', paused => true); select engine_tick(); select engine_trigger('u')",
        found: ["advice", "paused", "task/u"],
        cause: "is paused and has due runs: 1.",
        mended: "select engine_dequeue()",
    },
    Trouble {
        staged: "select engine_set_environment('e', requires_version => true); select engine_tick(); select engine_trigger('u', environment_id => 'e'); \
                 select engine_dequeue()",
        found: ["advice", "parked", "e"],
        cause: "No registered version has the task.",
        mended: "select engine_register_worker('e', '1', '[{\"id\": \"u\"}]', image => 'i'); select engine_tick(); \
                 select engine_dequeue(environment_id => 'e', worker_version => '1')",
    },
    Trouble {
        staged: "select engine_block('a', array[(select waitpoint_id from engine_run_waitpoint('b'))]); \
                 select engine_block('b', array[(select waitpoint_id from engine_run_waitpoint('a'))])",
        found: ["problem", "deadlock", "run_a"],
        cause: "Runs wait for each other in a circle: run_a, run_b.",
        mended: "",
    },
    Trouble {
        staged: "select engine_event_reader('r', 1000, 0); update engine.snapshot set created_at = created_at - interval '1 hour'",
        found: ["problem", "event_reader", "r"],
        cause: "has not acknowledged",
        mended: "",
    },
    Trouble {
        staged: "select engine_set_retention()",
        found: ["advice", "retention", "engine.retention"],
        cause: "No run is ever removed",
        mended: "",
    },
    Trouble {
        staged: "select engine_tick(); update engine.stretch set due_at = now() - interval '2 hours'",
        found: ["problem", "retention", "sweep"],
        cause: "Runs are due for a look of the sweep",
        mended: "",
    },
    Trouble {
        staged: "update engine.snapshot set created_at = now() + interval '1 hour'",
        found: ["problem", "clock", "server"],
        cause: "the clock of the server went back.",
        mended: "update engine.snapshot set created_at = now()",
    },
    Trouble {
        staged: "alter table engine.queue_item set (autovacuum_enabled = off)",
        found: ["problem", "vacuum", "queue_item"],
        cause: "Autovacuum is off for table engine.queue_item.",
        mended: "",
    },
    Trouble {
        staged: "update pg_index set indisvalid = false where indexrelid = 'engine.waitpoint_history_run'::regclass",
        found: ["problem", "index", "waitpoint_history_run"],
        cause: "is not valid: no plan uses it.",
        mended: "",
    },
    Trouble {
        staged: "insert into engine.release select 0, 'e', 'q', '' from generate_series(1, 60000); delete from engine.release",
        found: ["advice", "vacuum", "release"],
        cause: "has 60000 dead rows and 0 live ones.",
        mended: "",
    },
    Trouble {
        staged: "create role careless; grant execute on routine engine_dequeue, engine_tick to careless",
        found: ["problem", "right", "careless"],
        cause: "may execute engine_dequeue, engine_tick, and lacks the capability: work, tick. The calls are refused.",
        mended: "",
    },
    Trouble {
        staged: "grant execute on routine engine_trigger to public",
        found: ["problem", "right", "public"],
        cause: "may execute engine_trigger, and lacks the capability: trigger.",
        mended: "",
    },
    Trouble {
        staged: "create role halved; select engine_grant('halved', 'work'); \
                 revoke execute on routine engine_complete_attempt, engine_complete_many, engine_succeed, engine_work from halved",
        found: ["problem", "right", "halved"],
        cause: "has the capability work, and may not execute: engine_complete_attempt. Runs that it dequeues stall.",
        mended: "",
    },
    Trouble {
        staged: "create role outdated; select engine_grant('outdated', 'work', 'default'); \
                 revoke execute on routine engine_moved, engine_release, engine_wait, engine_work from outdated",
        found: ["advice", "right", "outdated"],
        cause: "may not execute: engine_moved, engine_release, engine_wait, engine_work.",
        // It is granted no more than it had.
        mended: "alter table engine.grant add check (environment_id = 'default')",
    },
    Trouble {
        staged: "select pg_create_logical_replication_slot('forgotten', 'pgoutput')",
        found: ["advice", "horizon", "forgotten"],
        cause: "has no reader, and vacuum keeps rows for it.",
        mended: "",
    },
    Trouble {
        staged: "begin; select pg_current_xact_id(); prepare transaction 'forgotten'",
        found: ["advice", "horizon", "forgotten"],
        cause: "is prepared: vacuum keeps every row that died since.",
        mended: "",
    },
];

/// A finding: weight, kind, subject; its detail; its command.
type Finding = ([String; 3], String, Option<String>);

async fn findings(session: &Session) -> Result<Vec<Finding>> {
    let sql = "select weight, kind, subject, detail, command from engine_doctor(patience_ms => 0)";
    let rows = session.client.query(sql, &[]).await?;
    let finding = |row: &tokio_postgres::Row| {
        let what = [row.get(0), row.get(1), row.get(2)];
        (what, row.get(3), row.get(4))
    };
    Ok(rows.iter().map(finding).collect())
}

/// Of a server that loses nothing, and vacuums nothing by itself.
fn options() -> Options {
    Options::default()
        .set("wal_level", "logical")
        .set("max_prepared_transactions", "2")
        .set("max_connections", "20")
        .set("autovacuum_naptime", "1h")
}

async fn server() -> Result<Cluster> {
    Cluster::start(options()).await
}

/// Executes statements one after the other, each in a transaction of its own.
async fn execute(session: &Session, statements: &str) -> Result<()> {
    let statements = statements.split("; ").map(str::trim);
    for statement in statements.filter(|statement| !statement.is_empty()) {
        let done = session.client.batch_execute(statement).await;
        done.with_context(|| statement.to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn the_doctor_finds_each_trouble_alone_and_its_command_mends_it() -> Result<()> {
    let cluster = server().await?;
    let mut wrong = Vec::new();
    for trouble in TROUBLES {
        if let Err(error) = stage(&cluster, trouble).await {
            wrong.push(format!("{:?}: {error:#}", trouble.found));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

async fn stage(cluster: &Cluster, trouble: &Trouble) -> Result<()> {
    let session = Session::open(&cluster.database().await?).await?;
    execute(&session, TWO_RUNS).await?;
    let healthy = findings(&session).await?;
    ensure!(healthy.is_empty(), "before anything is wrong: {healthy:?}");
    execute(&session, trouble.staged).await?;
    let mut found = Vec::new();
    eventually("it is found", PATIENCE, async || {
        found = findings(&session).await?;
        Ok(!found.is_empty())
    })
    .await?;
    let [(what, detail, command)] = &found[..] else {
        anyhow::bail!("not one finding: {found:?}");
    };
    ensure!(what == &trouble.found, "{what:?}");
    ensure!(detail.contains(trouble.cause), "{detail}");
    execute(&session, command.as_deref().unwrap_or_default()).await?;
    execute(&session, trouble.mended).await?;
    eventually("it is mended", PATIENCE, async || {
        let found = findings(&session).await?;
        Ok(found.iter().all(|(what, ..)| what != &trouble.found))
    })
    .await
}

#[tokio::test]
async fn the_doctor_names_sessions_of_other_roles_that_hold_vacuum_locks_or_events_back()
-> Result<()> {
    let cluster = server().await?;
    let database = cluster.database().await?;
    let (holder, reader) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let role = "create role looks; select engine_grant('looks', 'read'); set role looks";
    execute(&reader, role).await?;
    let pid: i32 = holder
        .client
        .query_one("select pg_backend_pid()", &[])
        .await?
        .get(0);

    // Idle in a transaction that has neither written nor kept a snapshot, it holds nothing back.
    execute(&holder, "begin; select 1").await?;
    assert_eq!(findings(&reader).await?, []);
    execute(
        &holder,
        "rollback; begin isolation level repeatable read; select 1",
    )
    .await?;
    let found = findings(&reader).await?;
    let expected = ["advice".to_owned(), "horizon".to_owned(), pid.to_string()];
    assert_eq!(found[0].0, expected, "{found:?}");
    assert_eq!(found.len(), 1, "{found:?}");
    let own = "engine.advice where kind = 'horizon'";
    assert_eq!(
        reader.count(own).await?,
        0,
        "Postgres shows it no other role's"
    );

    let held = "rollback; select engine_trigger('t'); begin; select engine_dequeue()";
    execute(&holder, held).await?;
    let writer = Session::open(&database).await?;
    execute(
        &writer,
        "select engine_trigger('u', delay_until => now() + interval '1 hour')",
    )
    .await?;
    eventually("all three are found", PATIENCE, async || {
        let found = findings(&reader).await?;
        let kinds = found
            .iter()
            .map(|([_, kind, subject], ..)| (kind.as_str(), subject.as_str()));
        let is_its =
            |(kind, subject): (&str, &str)| (subject == pid.to_string()).then(|| kind.to_owned());
        Ok(kinds.filter_map(is_its).collect::<Vec<_>>() == ["events", "horizon", "lock_holder"])
    })
    .await?;
    let command = format!("select pg_terminate_backend({pid})");
    let found = findings(&reader).await?;
    let is_of_holder =
        |(what, _, mends): &Finding| what[2] == pid.to_string() && mends.as_ref() == Some(&command);
    assert_eq!(
        found.iter().filter(|found| is_of_holder(found)).count(),
        3,
        "{found:?}"
    );
    execute(&writer, &command).await?;
    eventually("the session is gone", PATIENCE, async || {
        let found = findings(&reader).await?;
        Ok(found.iter().all(|([_, kind, _], ..)| kind == "unclaimed"))
    })
    .await
}

#[tokio::test]
async fn the_doctor_finds_connections_that_run_out_and_settings_that_lose_commits() -> Result<()> {
    let cluster = server().await?;
    let database = cluster.database().await?;
    let mut session = Session::open(&database).await?;
    let mut others = Vec::new();
    // Of twenty three are reserved.
    while others.len() < 13 {
        others.push(Session::open(&database).await?);
    }
    let found = findings(&session).await?;
    let [([weight, kind, _], detail, command)] = &found[..] else {
        anyhow::bail!("{found:?}");
    };
    assert_eq!((weight.as_str(), kind.as_str()), ("advice", "connections"));
    assert_eq!(detail, "14 of 17 connections are in use.");
    assert_eq!(
        command.as_deref(),
        Some("alter system set max_connections = 34")
    );
    drop(others);

    for (name, value, weight) in [
        ("synchronous_commit", "off", "advice"),
        ("default_transaction_isolation", "serializable", "problem"),
    ] {
        database.set(name, value).await?;
        session = Session::open(&database).await?;
        let mut found = Vec::new();
        eventually("only the setting is left", PATIENCE, async || {
            found = findings(&session).await?;
            Ok(found.len() == 1)
        })
        .await?;
        let ([is, kind, subject], _, command) = &found[0];
        assert_eq!([is, kind, subject], [weight, "setting", name]);
        execute(&session, command.as_deref().context("no command")?).await?;
    }
    session = Session::open(&database).await?;
    assert_eq!(findings(&session).await?, []);
    Ok(())
}

#[tokio::test]
async fn the_doctor_finds_a_library_that_is_not_preloaded_and_a_worker_that_does_not_run()
-> Result<()> {
    let mut cluster = server().await?;
    let database = cluster.database().await?;
    let mut session = Session::open(&database).await?;
    let limit =
        "select engine_set_environment('default', concurrency_limit => 5); select engine_tick()";
    execute(&session, limit).await?;
    let found = findings(&session).await?;
    let [([weight, kind, _], detail, Some(command))] = &found[..] else {
        anyhow::bail!("{found:?}");
    };
    assert_eq!((weight.as_str(), kind.as_str()), ("advice", "preload"));
    ensure!(
        detail.starts_with("The library is not preloaded"),
        "{detail}"
    );
    let preload = command.clone();

    let ticker = format!(
        "alter system set engine.database = '{}'; alter system set engine.role = 'ticker'; select pg_reload_conf()",
        database.name()
    );
    execute(&session, &ticker).await?;
    let kinds = |found: &[Finding]| -> Vec<String> {
        let what = found
            .iter()
            .map(|([weight, kind, subject], ..)| format!("{weight} {kind} {subject}"));
        what.collect()
    };
    let expected = [
        "problem preload engine.database",
        "problem right ticker",
        "advice preload shared_preload_libraries",
    ];
    eventually("the role and the worker are missed", PATIENCE, async || {
        Ok(kinds(&findings(&session).await?) == expected)
    })
    .await?;
    execute(&session, &preload).await?;
    drop(session);
    cluster.restart()?;

    session = Session::open(&database).await?;
    // The role is created, and then granted what it lacks.
    for cause in ["does not exist", "may not call engine_tick"] {
        let found = findings(&session).await?;
        let of_right = found.iter().find(|([_, kind, _], ..)| kind == "right");
        let (_, detail, command) = of_right.with_context(|| format!("{found:?}"))?;
        ensure!(detail.contains(cause), "{detail}");
        execute(&session, command.as_deref().context("no command")?).await?;
    }
    eventually("the worker ticks", PATIENCE, async || {
        Ok(findings(&session).await?.is_empty())
    })
    .await
}

#[tokio::test]
async fn the_doctor_names_a_standby_whose_transaction_holds_vacuum_back() -> Result<()> {
    let mut cluster = server().await?;
    let database = cluster.database().await?;
    let standby = cluster.standby(options())?;
    let session = Session::open(&database).await?;
    assert_eq!(findings(&session).await?, []);
    let follower = standby.server().connect(database.name()).await?;
    follower
        .batch_execute("begin isolation level repeatable read; select 1")
        .await?;
    let fed_back = "pg_stat_replication where backend_xmin is not null";
    eventually("the primary knows", PATIENCE, async || {
        Ok(session.count(fed_back).await? == 1)
    })
    .await?;
    // Each block that writes is a transaction of its own for vacuum.
    let busy = "create temporary table busy (n integer); \
                do $$ begin for n in 1..100100 loop \
                    begin insert into busy values (n); exception when others then raise; end; \
                end loop; end $$";
    session.client.batch_execute(busy).await?;
    let mut found = Vec::new();
    eventually("it is found", PATIENCE, async || {
        found = findings(&session).await?;
        Ok(!found.is_empty())
    })
    .await?;
    let [(what, detail, Some(command))] = &found[..] else {
        anyhow::bail!("not one finding: {found:?}");
    };
    assert_eq!(what, &["advice", "horizon", "walreceiver"]);
    assert!(
        detail.starts_with("A transaction on standby \"walreceiver\""),
        "{detail}"
    );
    // It is a command for the standby.
    let other = standby.server().connect(database.name()).await?;
    other.batch_execute(command).await?;
    other.batch_execute("select pg_reload_conf()").await?;
    eventually("it is mended", PATIENCE, async || {
        Ok(findings(&session).await?.is_empty())
    })
    .await
}

#[tokio::test]
async fn an_update_that_was_not_made_is_advised_where_calls_are_refused() -> Result<()> {
    let cluster = server().await?;
    let session = Session::open(&cluster.database().await?).await?;
    let version = "update pg_extension set extversion = '0.1.0' where extname = 'engine'";
    session.client.batch_execute(version).await?;
    let sql = "select subject, detail, hint, command from engine.advice where kind = 'version'";
    let row = session.client.query_one(sql, &[]).await?;
    // All crates of the workspace have one version, the extension's.
    let installed = env!("CARGO_PKG_VERSION");
    let detail =
        format!("Version {installed} is installed on the server, and this database has 0.1.0.");
    assert_eq!(row.get::<_, &str>(0), "engine");
    assert_eq!(row.get::<_, &str>(1), detail);
    let command: &str = row.get(3);
    assert_eq!(command, "alter extension engine update");
    Ok(())
}
