//! The policy of a worker: retries, limits, cancels, drains.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use engine_client::{Context, Engine, Failure, RetryPolicy, TaskOptions, Trigger, WorkerConfig};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::running::{PATIENCE, Running, config, finished, outcome, worker};

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_attempt_comes_again_as_often_as_its_run_says() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let retry = Some(RetryPolicy {
        min: Duration::from_millis(2),
        ..RetryPolicy::default()
    });
    let worker = worker(&database)?
        .config(WorkerConfig { retry, ..config() })
        .task("fail", |ctx: Context, (): ()| async move {
            Err::<(), _>(Failure::message(format!("no {}", ctx.attempt_number())))
        });
    let running = Running::start(worker);
    let trigger = Trigger::new("fail").payload(&())?.max_attempts(3);
    Engine::new(&session.client).trigger(&trigger).await?;
    finished(&session, 1).await?;
    running.stop().await?;
    let expected = (
        "COMPLETED_WITH_ERRORS".to_owned(),
        3,
        Some("no 3".to_owned()),
    );
    assert_eq!(outcome(&session).await?, expected);
    session.check().await
}

/// A task that fails, with these options; the worker itself has no retry policy.
async fn fail_once(options: TaskOptions, trigger: Trigger) -> Result<(Session, Database)> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let worker = worker(&database)?.task_with("fail", options, |_: Context, (): ()| async move {
        Err::<(), _>(Failure::message("no"))
    });
    let running = Running::start(worker);
    Engine::new(&session.client)
        .trigger(&trigger.payload(&())?)
        .await?;
    eventually("the attempt has failed", PATIENCE, async || {
let failed = "engine.run_state where attempt_number = 1 and execution_status in ('QUEUED', 'FINISHED')";
Ok(session.count(failed).await? > 0)
    })
    .await?;
    running.stop().await?;
    Ok((session, database))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_leaves_retries_to_the_policy_of_the_run() -> Result<()> {
    let policy = serde_json::json!({"minTimeoutInMs": 3_600_000, "maxTimeoutInMs": 3_600_000, "randomize": false});
    let patient = Trigger::new("fail").retry(policy);
    let later = "engine.queue_item where available_at > now() + interval '50 minutes'";
    let (session, _database) = fail_once(TaskOptions::default(), patient.clone()).await?;
    assert_eq!(session.count(later).await?, 1);
    // Without any policy the first failure ends the run.
    let (session, _database) = fail_once(TaskOptions::default(), Trigger::new("fail")).await?;
    let expected = ("COMPLETED_WITH_ERRORS".to_owned(), 1, Some("no".to_owned()));
    assert_eq!(outcome(&session).await?, expected);
    // A task's options take precedence over the policy.
    let own = TaskOptions {
        retry: Some(RetryPolicy {
            min: Duration::from_secs(600),
            max: Duration::from_secs(600),
            ..RetryPolicy::default()
        }),
        ..TaskOptions::default()
    };
    let (session, _database) = fail_once(own, patient).await?;
    let sooner = "engine.queue_item where available_at between now() + interval '5 minutes' and now() + interval '15 minutes'";
    assert_eq!(session.count(sooner).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_wants_no_retry_ends_its_run() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let running = Running::start(
        worker(&database)?.task("fail", |_: Context, (): ()| async move {
            Err::<(), _>(Failure::message("no").no_retry())
        }),
    );
    let trigger = Trigger::new("fail").payload(&())?.max_attempts(3);
    Engine::new(&session.client).trigger(&trigger).await?;
    finished(&session, 1).await?;
    running.stop().await?;
    assert_eq!(outcome(&session).await?.1, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_abandons_a_wait_may_end_before_the_run_continues_or_after() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let worker = worker(&database)?.task("hasty", |ctx: Context, pause_ms: u64| async move {
        let wait = ctx.wait_for("some time", Duration::from_millis(200));
        let gave_up = timeout(Duration::from_millis(50), wait).await.is_err();
        sleep(Duration::from_millis(pause_ms)).await;
        Ok(gave_up)
    });
    let running = Running::start(worker);
    for pause_ms in [0, 600] {
        let hasty = Trigger::new("hasty").payload(&pause_ms)?;
        Engine::new(&session.client).trigger(&hasty).await?;
    }
    finished(&session, 2).await?;
    running.stop().await?;
    let succeeded =
        "engine.run_state where run_status = 'COMPLETED_SUCCESSFULLY' and attempt_number = 1";
    assert_eq!(session.count(succeeded).await?, 2);
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_with_a_limit_of_its_own_keeps_it_and_leaves_room_for_others() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
    let options = TaskOptions {
        concurrency: Some(1),
        ..TaskOptions::default()
    };
    let prefetching = WorkerConfig {
        concurrency: 2,
        prefetch: 18,
        ..config()
    };
    let worker = worker(&database)?
        .config(prefetching)
        .task_with("slow", options, move |_: Context, _: Value| {
            let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
            async move {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(Duration::from_millis(5)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        })
        .task("fast", |_: Context, _: Value| async move { Ok(()) });
    let triggers: Vec<Trigger> = (0..10)
        .flat_map(|_| [Trigger::new("slow"), Trigger::new("fast")])
        .collect();
    Engine::new(&session.client).trigger_many(&triggers).await?;
    let running = Running::start(worker);
    finished(&session, 20).await?;
    running.stop().await?;
    assert_eq!(most.load(Ordering::SeqCst), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_leaves_a_prepared_statement_behind() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let engine = Engine::new(&session.client);
    let run = engine.trigger(&Trigger::new("t")).await?;
    engine.trigger_many(&[Trigger::new("t")]).await?;
    let dequeued = engine.dequeue(&engine_client::Dequeue::default()).await?;
    engine
        .start_attempt(&dequeued[0].run_id, &dequeued[0].snapshot_id, false)
        .await?;
    engine.run_result(&run.run_id, None).await?;
    engine.execution_data(&run.run_id, None).await?;
    engine
        .snapshots_since(
            &run.run_id,
            &run.snapshot_id.clone().expect("it is there"),
            None,
        )
        .await?;
    engine.tick(10).await?;
    engine.events(0, 10).await?;
    // Behind a pooler in transaction mode they would belong to the next client of the session. This query itself is
    // one.
    let named = session.count("pg_prepared_statements").await?;
    assert!(named <= 1, "{named} statements are prepared");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_triggered_with_its_own_retry_settings() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let retry = serde_json::json!({"maxAttempts": 7, "minTimeoutInMs": 60_000});
    let trigger = Trigger::new("t").retry(retry.clone());
    let engine = Engine::new(&session.client);
    engine.trigger(&trigger).await?;
    engine.trigger_many(&[trigger]).await?;
    let rows = session
        .client
        .query("select retry from engine.run", &[])
        .await?;
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!(row.get::<_, Value>(0), retry);
    }
    Ok(())
}
