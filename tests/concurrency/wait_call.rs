//! `call engine_wait(…)`: a waiting session holds nothing at all, and never spins.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Database, Session};
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::reservation::preloaded;
use crate::waiter::{PATIENCE, STATES};

/// A call that waits for a minute, in a session of its own.
struct Call {
    pid: i32,
    session: JoinHandle<Result<Session>>,
}

impl Call {
    /// Returns once it sleeps.
    async fn begin(database: &Database, arguments: &str) -> Result<Self> {
        let session = Session::open(database).await?;
        let observer = Session::open(database).await?;
        let pid = backend_pid(&session.client).await?;
        let sql = format!("call engine_wait({arguments}, wait_ms => 60000)");
        let call = Self {
            pid,
            session: tokio::spawn(async move {
                session.client.execute(&sql, &[]).await?;
                Ok(session)
            }),
        };
        eventually("the call sleeps", PATIENCE, async || {
            let sleeping = "pg_stat_activity where wait_event_type = 'Extension' \
                            and query_start < clock_timestamp() - interval '100 ms' and pid =";
            Ok(observer.count(&format!("{sleeping} {pid}")).await? == 1)
        })
        .await?;
        Ok(call)
    }

    /// Its session, once the call has ended, long before its minute is over.
    async fn ends(self) -> Result<Session> {
        timeout(PATIENCE, self.session).await??
    }

    /// What it holds while it sleeps, except the lock of its own transaction id.
    async fn holds(&self, observer: &Session) -> Result<Vec<String>> {
        let sql = "select format('%s %s %s', locktype, relation::regclass, mode) \
                   from pg_locks where pid = $1 and locktype <> 'virtualxid' \
                   union all select format('snapshot %s, number %s', backend_xmin, backend_xid) \
                   from pg_stat_activity where pid = $1 and (backend_xmin is not null or backend_xid is not null)";
        let rows = observer.client.query(sql, &[&self.pid]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// The transactions in which it was seen during `span`.
    async fn looks_within(&self, observer: &Session, span: Duration) -> Result<usize> {
        let sql = "select xact_start::text from pg_stat_activity where pid = $1";
        let (begun, mut seen) = (Instant::now(), BTreeSet::new());
        while begun.elapsed() < span {
            let row = observer.client.query_one(sql, &[&self.pid]).await?;
            seen.extend(row.get::<_, Option<String>>(0));
        }
        Ok(seen.len())
    }
}

async fn waits_for_a_run_and_holds_nothing(database: Database, looks: usize) -> Result<()> {
    let session = Session::open(&database).await?;
    for (arguments, state) in STATES {
        session.client.batch_execute(state).await?;
        let call = Call::begin(&database, arguments).await?;
        eventually("the call holds nothing", PATIENCE, async || {
            Ok(call.holds(&session).await?.is_empty())
        })
        .await?;
        let seen = call.looks_within(&session, Duration::from_secs(2)).await?;
        assert!(seen <= looks, "{seen} looks within two seconds: {state}");
        for statement in [
            "set lock_timeout = '2s'",
            "set statement_timeout = '20s'",
            "begin; lock table engine.queue_item, engine.environment, engine.queue in access exclusive mode; commit",
            "reindex table concurrently engine.queue_item",
            "vacuum engine.queue_item",
            "reset statement_timeout",
        ] {
            session.client.batch_execute(statement).await?;
        }
        assert!(!call.session.is_finished(), "{state}");
        let run = session.trigger("test").await?.run_id;
        let waited = call.ends().await?;
        // It has taken nothing, and returned in time.
        let runs = waited.dequeue_many(10).await?;
        let runs: Vec<&str> = runs.iter().map(|held| held.run_id.as_str()).collect();
        assert_eq!(runs, [run.as_str()], "{state}");
    }
    session.check().await
}

#[tokio::test]
async fn a_call_that_waits_holds_nothing_and_spins_at_nothing() -> Result<()> {
    waits_for_a_run_and_holds_nothing(Database::fresh().await?, 24).await
}

#[tokio::test]
async fn a_call_that_waits_for_a_bell_holds_nothing_and_spins_at_nothing() -> Result<()> {
    let cluster = preloaded().await?;
    waits_for_a_run_and_holds_nothing(cluster.database().await?, 5).await
}

#[tokio::test]
async fn a_call_returns_for_a_run_without_taking_it_and_when_its_time_is_up() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let before = session.contents().await?;
    for _ in 0..3 {
        let call = "set statement_timeout = '10s'";
        session.client.batch_execute(call).await?;
        session.client.batch_execute("call engine_wait()").await?;
    }
    assert_eq!(session.contents().await?, before);
    for waits in [
        "call engine_wait('other', wait_ms => 20)",
        "call engine_wait(wait_ms => 0)",
        // Its own transactions may be ended by a block, too.
        "do $$ begin call engine_wait('other', wait_ms => 20); call engine_wait('other', wait_ms => 20); end $$",
    ] {
        session.client.batch_execute(waits).await?;
    }
    assert_eq!(session.contents().await?, before);
    assert!(session.dequeue().await?.is_some());
    session.check().await
}

#[tokio::test]
async fn a_call_waits_for_what_its_dequeue_would_get() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let state = "select engine_set_environment('a'); select engine_set_environment('b', requires_version => true); \
                 select engine_trigger('test', queue => 'q', environment_id => 'b')";
    session.client.batch_execute(state).await?;
    let of_a = Call::begin(&database, "environment_id => 'a'").await?;
    let of_b = Call::begin(&database, "environment_id => 'b', worker_version => '1'").await?;
    let parked = "engine.run_state where run_status = 'PENDING_VERSION'";
    eventually("the run waits for a version", PATIENCE, async || {
        Ok(session.count(parked).await? == 1)
    })
    .await?;
    assert!(!of_a.session.is_finished() && !of_b.session.is_finished());
    let register = "select engine_register_worker('b', '1', '[{\"id\": \"test\"}]', '[{\"name\": \"q\"}]', 'image')";
    session.client.batch_execute(register).await?;
    let waited = of_b.ends().await?;
    let dequeue = "engine_dequeue(environment_id => 'b', worker_version => '1')";
    assert_eq!(waited.count(dequeue).await?, 1);
    assert!(!of_a.session.is_finished());
    session
        .trigger_with("'test', environment_id => 'a'")
        .await?;
    let waited = of_a.ends().await?;
    let dequeue = "engine_dequeue(environment_id => 'a')";
    assert_eq!(waited.count(dequeue).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_call_in_a_transaction_block_is_refused() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for (begin, call) in [
        ("begin", "call engine_wait(wait_ms => 0)"),
        ("select 1", "call engine_wait(wait_ms => 0); select 1"),
        (
            "select 1",
            "do $$ begin begin call engine_wait(wait_ms => 0); exception when division_by_zero then end; end $$",
        ),
    ] {
        session.client.batch_execute(begin).await?;
        let Err(error) = session.client.batch_execute(call).await else {
            anyhow::bail!("not refused: {begin}; {call}");
        };
        let code = error.code().map(|code| code.code().to_owned());
        assert_eq!(code.as_deref(), Some("25001"), "{call}");
        let hint = error.as_db_error().and_then(|error| error.hint());
        assert!(hint.is_some_and(|hint| hint.contains("only statement")));
        session.client.batch_execute("rollback").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_call_needs_its_capability_and_goes_by_nothing_else_of_its_caller() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let role = format!("waiter_{}", std::process::id());
    let traps = format!(
        "create role {role}; create schema trap; grant usage on schema trap to {role}; \
         create function trap.trap(text, text) returns boolean language plpgsql as $$ begin raise 'trapped'; end $$; \
         create operator trap.= (function = trap.trap, leftarg = text, rightarg = text); \
         create function trap.unnest(text[]) returns setof text language plpgsql as $$ begin raise 'trapped'; end $$; \
         set search_path = trap, public, pg_catalog; set role {role}"
    );
    session.client.batch_execute(&traps).await?;
    let call = "call engine_wait(wait_ms => 20)";
    assert_eq!(session.refused(call).await?.code, "42501");
    let grant = format!("reset role; select engine_grant('{role}', 'work'); set role {role}");
    session.client.batch_execute(&grant).await?;
    session.client.batch_execute(call).await?;
    let sql = "select current_user::text, current_setting('search_path')";
    let row = session.client.query_one(sql, &[]).await?;
    let left: (&str, &str) = (row.get(0), row.get(1));
    assert_eq!(left, (role.as_str(), "trap, public, pg_catalog"));
    // Nor after an error.
    let unknown = "call engine_wait(environment_id => 'nope')";
    assert_eq!(session.refused(unknown).await?.code, "RE005");
    let row = session.client.query_one(sql, &[]).await?;
    let left: (&str, &str) = (row.get(0), row.get(1));
    assert_eq!(left, (role.as_str(), "trap, public, pg_catalog"));
    let read = "select * from engine.run";
    assert_eq!(session.refused(read).await?.code, "42501");
    let end = format!("reset role; drop owned by {role}; drop role {role}");
    session.client.batch_execute(&end).await?;
    Ok(())
}

#[tokio::test]
async fn the_extension_can_be_dropped_while_a_call_waits() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.broken_on_purpose().await?;
    let call = Call::begin(&database, "'main'").await?;
    let drop = "set lock_timeout = '5s'; drop extension engine";
    session.client.batch_execute(drop).await?;
    // It ends, with an error if it looks at that very moment.
    timeout(PATIENCE, call.session).await??.ok();
    Ok(())
}

/// Executes `runs` runs of an environment with a limit, in sessions that wait for every one of them.
async fn works_off_every_run_by_waiting(database: Database, runs: i64) -> Result<()> {
    let session = Session::open(&database).await?;
    let limits = "select engine_set_environment('e', concurrency_limit => 3); \
                  select engine_set_queue('q', 'e', concurrency_limit => 2)";
    session.client.batch_execute(limits).await?;
    let over = Arc::new(AtomicBool::new(false));
    let mut workers = JoinSet::new();
    for _ in 0..8 {
        let (worker, over) = (Session::open(&database).await?, over.clone());
        workers.spawn(async move {
            let (mut calls, mut done) = (0, 0);
            while !over.load(Ordering::Relaxed) {
                worker
                    .client
                    .execute("call engine_wait(wait_ms => 2000)", &[])
                    .await?;
                calls += 1;
                if let Some(held) = worker.dequeue().await? {
                    let held = worker.start(&held).await?;
                    worker.complete(&held, json!({"ok": true})).await?;
                    done += 1;
                }
            }
            Ok::<_, anyhow::Error>((calls, done))
        });
    }
    for run in 0..runs {
        let queue = ["q", "other"][usize::from(run % 3 == 0)];
        session
            .trigger_with(&format!(
                "'test', environment_id => 'e', queue => '{queue}'"
            ))
            .await?;
        assert!(session.count("engine.slot").await? <= 3, "over the limit");
    }
    eventually("all runs are finished", PATIENCE * 6, async || {
        let finished = "engine.run_state where execution_status = 'FINISHED'";
        Ok(session.count(finished).await? == runs)
    })
    .await?;
    over.store(true, Ordering::Relaxed);
    let (mut calls, mut done) = (0, 0);
    while let Some(worker) = workers.join_next().await {
        let (called, worked) = worker??;
        calls += called;
        done += worked;
    }
    assert_eq!(done, runs);
    // Other sessions may be faster, but not always.
    assert!(calls < runs * 8, "{calls} waits for {runs} runs");
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_that_wait_execute_every_run_within_the_limits() -> Result<()> {
    works_off_every_run_by_waiting(Database::fresh().await?, 150).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_that_wait_for_bells_execute_every_run_within_the_limits() -> Result<()> {
    let cluster = preloaded().await?;
    works_off_every_run_by_waiting(cluster.database().await?, 150).await
}
