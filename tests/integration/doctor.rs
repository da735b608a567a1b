//! The doctor: every staged trouble is found, alone and with its cause, and its command mends it.

mod many;
mod server;

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
        staged: "select engine_set_queue('task/u', paused => true, reason => 'INC-7'); select engine_tick(); select engine_trigger('u')",
        found: ["advice", "paused", "task/u"],
        cause: "UTC: \"INC-7\".",
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
        staged: "create role mute; select engine_grant('mute', 'wait', 'default'); \
                 revoke execute on routine engine_complete_waitpoint, engine_create_manual_waitpoint, engine_create_datetime_waitpoint, \
                     engine_waitpoint_data from mute",
        found: ["problem", "right", "mute"],
        cause: "has the capability wait, and may execute none of its functions.",
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
