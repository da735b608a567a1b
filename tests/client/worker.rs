//! `Worker`: handlers, permits, heartbeats, loss, drain, reconnection.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use engine_client::{Context, Engine, Failure, Trigger, WorkerConfig};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Database, Options, Session};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_postgres::types::Json;

use crate::running::{PATIENCE, Running, config, finished, worker};
use crate::waiting::waiting_config;

/// Run status, output and error of each task's run.
async fn results(session: &Session) -> Result<HashMap<String, (String, Option<String>, Value)>> {
    let sql = "select r.task, s.run_status::text, s.output, coalesce(s.error, 'null') \
               from engine.run r join engine.run_state s on s.run_id = r.id";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            (
                row.get(0),
                (row.get(1), row.get(2), row.get::<_, Json<Value>>(3).0),
            )
        })
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_does_is_what_its_run_becomes() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let triggers = [
        Trigger::new("double").payload(&21)?,
        Trigger::new("fail").payload(&())?,
        Trigger::new("panic").payload(&())?,
        Trigger::new("unknown"),
        Trigger::new("double_text").payload(&"no number")?,
    ];
    Engine::new(&session.client).trigger_many(&triggers).await?;
    let running = Running::start(
        worker(&database)?
            .task(
                "double",
                |_: Context, number: i64| async move { Ok(number * 2) },
            )
            .task("double_text", |_: Context, number: i64| async move {
                Ok(number * 2)
            })
            .task("fail", |_: Context, (): ()| async move {
                Err::<(), _>(Failure::message("not today"))
            })
            .task("panic", |_: Context, (): ()| async move {
                if true {
                    panic!("oh no");
                }
                Ok(())
            }),
    );
    finished(&session, 5).await?;
    running.stop().await?;

    let results = results(&session).await?;
    assert_eq!(
        results["double"],
        (
            "COMPLETED_SUCCESSFULLY".to_owned(),
            Some("42".to_owned()),
            Value::Null
        )
    );
    let (status, _, error) = &results["fail"];
    assert_eq!(
        (status.as_str(), error.to_string().contains("not today")),
        ("COMPLETED_WITH_ERRORS", true)
    );
    let (status, _, error) = &results["panic"];
    assert_eq!(
        (status.as_str(), error.to_string().contains("oh no")),
        ("COMPLETED_WITH_ERRORS", true)
    );
    assert_eq!(results["unknown"].2["code"], "COULD_NOT_FIND_EXECUTOR");
    assert_eq!(results["double_text"].2["code"], "TASK_INPUT_ERROR");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_takes_no_more_runs_than_it_may_hold() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let triggers: Vec<Trigger> = (0..20).map(|_| Trigger::new("hold")).collect();
    Engine::new(&session.client).trigger_many(&triggers).await?;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
    let worker = worker(&database)?
        .config(WorkerConfig {
            concurrency: 3,
            ..config()
        })
        .task("hold", move |_: Context, _: Value| {
            let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
            async move {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        });
    let running = Running::start(worker);
    eventually("all runs are finished", PATIENCE, async || {
        assert!(session.count("engine.slot").await? <= 3);
        Ok(session
            .count("engine.run_state where execution_status = 'FINISHED'")
            .await?
            == 20)
    })
    .await?;
    running.stop().await?;
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn beats_keep_a_handler_that_takes_longer_than_its_deadline() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.heartbeat_executing_ms", "600").await?;
    let session = Session::open(&database).await?;
    session.trigger("long").await?;
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let running = Running::start(
        worker(&database)?.task("long", move |_: Context, _: Value| {
            let released = Arc::clone(&released);
            async move {
                released.notified().await;
                Ok(())
            }
        }),
    );
    eventually("the attempt runs", PATIENCE, async || {
        Ok(session
            .count("engine.heartbeat where interval_ms = 600")
            .await?
            == 1)
    })
    .await?;
    let started: String = session
        .client
        .query_one("select deadline_at::text from engine.heartbeat", &[])
        .await?
        .get(0);
    eventually("the first deadline has long passed", PATIENCE, async || {
        let sql = format!(
            "engine.heartbeat where clock_timestamp() > '{started}'::timestamptz + interval '1 s'"
        );
        Ok(session.count(&sql).await? == 1)
    })
    .await?;
    release.notify_one();
    finished(&session, 1).await?;
    running.stop().await?;
    let row = session
        .client
        .query_one(
            "select attempt_number, coalesce(queue_attempts, 0) from engine.run_state",
            &[],
        )
        .await?;
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1)), (1, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_lost_cancels_its_handler_and_is_not_completed_by_it() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.heartbeat_executing_ms", "900").await?;
    let session = Session::open(&database).await?;
    let run = session.trigger("stuck").await?;
    let (started, cancelled) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (tell, count) = (Arc::clone(&started), Arc::clone(&cancelled));
    let worker = worker(&database)?.task("stuck", move |ctx: Context, _: Value| {
        let (tell, count) = (Arc::clone(&tell), Arc::clone(&count));
        async move {
            if ctx.attempt_number() == 1 {
                let watcher = ctx.clone();
                tokio::spawn(async move {
                    watcher.cancelled().await;
                    count.fetch_add(1, Ordering::SeqCst);
                });
                tell.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(ctx.attempt_number())
        }
    });
    let running = Running::start(worker);
    started.notified().await;
    // Another session recovers the run although its worker beats.
    session.lapse(&run.run_id).await?;
    eventually("the run is recovered", PATIENCE, async || {
        session.tick().await?;
        Ok(session
            .count("engine.history where description like 'Requeued%'")
            .await?
            == 1)
    })
    .await?;
    finished(&session, 1).await?;
    running.stop().await?;
    assert_eq!(cancelled.load(Ordering::SeqCst), 1);
    let row = session
        .client
        .query_one("select attempt_number, output from engine.run_state", &[])
        .await?;
    assert_eq!((row.get::<_, i32>(0), row.get::<_, &str>(1)), (2, "2"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_asked_to_stop_finishes_its_runs_and_dequeues_no_more() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger("slow").await?;
    let (started, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, released) = (Arc::clone(&started), Arc::clone(&release));
    let running = Running::start(
        worker(&database)?.task("slow", move |_: Context, _: Value| {
            let (tell, released) = (Arc::clone(&tell), Arc::clone(&released));
            async move {
                tell.notify_one();
                released.notified().await;
                Ok(())
            }
        }),
    );
    started.notified().await;
    let stopping = tokio::spawn(running.stop());
    session.trigger("slow").await?;
    release.notify_one();
    stopping.await??;
    assert_eq!(
        session
            .count("engine.run_state where execution_status = 'FINISHED'")
            .await?,
        1
    );
    assert!(session.count("engine.queue_item").await? <= 1);
    assert_eq!(
        session.count("engine.slot").await?,
        0,
        "nothing is left held"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_outlives_its_server_and_delivers_what_it_did_meanwhile() -> Result<()> {
    let mut cluster = Cluster::start(Options::default()).await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    session.trigger("work").await?;
    let (started, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, released) = (Arc::clone(&started), Arc::clone(&release));
    let running = Running::start(
        worker(&database)?.task("work", move |ctx: Context, _: Value| {
            let (tell, released) = (Arc::clone(&tell), Arc::clone(&released));
            async move {
                tell.notify_one();
                released.notified().await;
                Ok(ctx.attempt_number())
            }
        }),
    );
    started.notified().await;
    cluster.kill_9()?;
    release.notify_one();
    cluster.restart()?;
    let session = Session::open(&database).await?;
    finished(&session, 1).await?;
    session.trigger("work").await?;
    started.notified().await;
    release.notify_one();
    finished(&session, 2).await?;
    running.stop().await?;
    let sql = "select min(attempt_number), max(attempt_number) from engine.run_state";
    let row = session
        .client
        .query_one(sql, &[])
        .await
        .context("the server is gone")?;
    assert_eq!(
        (row.get::<_, i32>(0), row.get::<_, i32>(1)),
        (1, 1),
        "the first attempt was delivered"
    );
    assert_eq!(
        results(&session).await?["work"].1,
        Some(json!(1).to_string())
    );
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lacks_a_right_says_so_and_dequeues_nothing() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger("quick").await?;
    let role = format!("worker_{}", std::process::id());
    session
        .client
        .batch_execute(&format!(
            "create role {role} login; \
             select engine_grant('{role}', 'work'), engine_grant('{role}', 'tick'); \
             revoke execute on routine engine_complete_many, engine_work, engine_wait, engine_release from {role}"
        ))
        .await?;
    let mut config: engine_client::tokio_postgres::Config = database.connection_string().parse()?;
    config.user(&role);
    let worker = || {
        engine_client::Worker::new(config.clone().into())
            .task("quick", |_: Context, _: Value| async move { Ok(()) })
    };
    let refused = timeout(PATIENCE, worker().run(std::future::pending())).await?;
    let error = refused.err().context("it works")?;
    assert!(
        error.to_string().contains("engine_complete_many"),
        "{error}"
    );
    assert_eq!(session.count("engine.snapshot").await?, 1);
    session
        .client
        .batch_execute(&format!(
            "grant execute on function engine_complete_many to {role}"
        ))
        .await?;
    let running = Running::start(worker());
    finished(&session, 1).await?;
    running.stop().await?;
    let waits = worker().config(waiting_config(Duration::from_secs(1)));
    let refused = timeout(PATIENCE, waits.run(std::future::pending())).await?;
    let error = refused.err().context("it works")?;
    assert!(error.to_string().contains("engine_wait"), "{error}");
    // The right to execute the functions is not enough.
    let incapable = format!(
        "select engine_revoke('{role}', 'work'); \
         grant execute on routine engine_dequeue, engine_start_many, engine_start_attempt, engine_heartbeat_many, engine_heartbeat, \
             engine_complete_many, engine_complete_attempt, engine_moved to {role}"
    );
    session.client.batch_execute(&incapable).await?;
    let refused = timeout(PATIENCE, worker().run(std::future::pending())).await?;
    let error = refused.err().context("it works")?;
    assert!(error.to_string().contains("capability work"), "{error}");
    session
        .client
        .batch_execute(&format!("drop owned by {role}; drop role {role}"))
        .await?;
    Ok(())
}
