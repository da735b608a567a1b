//! A worker's turns: an end and the next start share a commit, and lost answers are asked for again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use engine_client::{
    BackoffRange, Batching, Context, Engine, Failure, Identity, LinkConfig, TaskOptions, Trigger,
    Worker, WorkerConfig,
};
use engine_harness::{Database, Session};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::lossy::Lossy;
use crate::running::{Running, config, finished, worker};

/// Triggers runs in one commit.
async fn trigger(session: &Session, environment_id: &str, count: usize) -> Result<()> {
    let run = Trigger::new("test").environment_id(environment_id);
    Engine::new(&session.client)
        .trigger_many(&vec![run; count])
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_does_one_thing_at_a_time_commits_once_per_run_batched_or_not_limited_or_not()
-> Result<()> {
    for batching in [None, Some(Batching::default())] {
        for (environment_id, concurrency) in
            [("default", None), ("limited", None), ("default", Some(1))]
        {
            let database = Database::fresh().await?;
            let session = Session::open(&database).await?;
            let sql = "select engine_set_environment('limited', concurrency_limit => 1)";
            session.client.batch_execute(sql).await?;
            trigger(&session, environment_id, 20).await?;
            let config = WorkerConfig {
                concurrency: 1,
                batching,
                timekeeper: None,
                ..config()
            };
            let options = TaskOptions {
                concurrency,
                ..TaskOptions::default()
            };
            let worker = worker(&database)?.config(config).task_with(
                "test",
                options,
                |_: Context, _: Value| async { Ok(()) },
            );
            let running = Running::start(worker);
            finished(&session, 20).await?;
            running.stop().await?;
            let sql = "select count(distinct s.xmin::text) from engine.snapshot as s where s.transition <> 'TRIGGERED'";
            let commits: i64 = session.client.query_one(sql, &[]).await?.get(0);
            assert_eq!(
                commits, 21,
                "{batching:?}, {environment_id}, {concurrency:?}"
            );
            let warm = "engine.run_state where is_warm_start";
            assert_eq!(session.count(warm).await?, 19);
            session.check().await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_the_network_loses_lose_no_run_and_repeat_none() -> Result<()> {
    for batching in [None, Some(Batching::default())] {
        let database = Database::fresh().await?;
        let session = Session::open(&database).await?;
        trigger(&session, "default", 60).await?;
        let network = Lossy::start(&database, "engine_work", 3)?;
        let executed: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
        let counts = Arc::clone(&executed);
        let config = WorkerConfig {
            concurrency: 4,
            batching,
            link: LinkConfig {
                reconnect: BackoffRange {
                    min: Duration::from_millis(1),
                    max: Duration::from_millis(20),
                },
                ..LinkConfig::default()
            },
            ..config()
        };
        let worker = Worker::new(network.config(&database)?.into())
            .config(config)
            .task("test", move |ctx: Context, _: Value| {
                let run_id = ctx.run_id().to_string();
                let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                *counts.entry(run_id).or_default() += 1;
                async { Ok(()) }
            });
        let running = Running::start(worker);
        finished(&session, 60).await?;
        running.stop().await?;
        assert!(network.lost() > 5, "{} were lost", network.lost());
        let executed = executed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        assert_eq!(executed.len(), 60);
        assert!(executed.values().all(|count| *count == 1), "{executed:?}");
        let good =
            "engine.run_state where run_status = 'COMPLETED_SUCCESSFULLY' and attempt_number = 1";
        assert_eq!(session.count(good).await?, 60);
        session.check().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_room_in_its_task_has_not_started_and_others_pass_it() -> Result<()> {
    for batching in [None, Some(Batching::default())] {
        let database = Database::fresh().await?;
        let session = Session::open(&database).await?;
        let tasks = ["slow", "slow", "fast", "fast"].map(Trigger::new);
        Engine::new(&session.client).trigger_many(&tasks).await?;
        let config = WorkerConfig {
            concurrency: 3,
            batching,
            timekeeper: None,
            ..config()
        };
        let options = TaskOptions {
            concurrency: Some(1),
            ..TaskOptions::default()
        };
        let gate = Arc::new(Semaphore::new(0));
        let opened = Arc::clone(&gate);
        let worker = worker(&database)?
            .config(config)
            .task_with("slow", options, move |_: Context, _: Value| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await.map_err(Failure::message)?.forget();
                    Ok(())
                }
            })
            .task("fast", |_: Context, _: Value| async { Ok(()) });
        let running = Running::start(worker);
        finished(&session, 2).await?;
        let slow = |status: &str| {
            format!(
                "engine.run as r join engine.run_state as s on s.run_id = r.id \
                 where r.task = 'slow' and s.execution_status = '{status}'"
            )
        };
        assert_eq!(session.count(&slow("EXECUTING")).await?, 1);
        assert_eq!(session.count(&slow("PENDING_EXECUTING")).await?, 1);
        opened.add_permits(2);
        finished(&session, 4).await?;
        running.stop().await?;
        let first = "engine.run_state where attempt_number = 1";
        assert_eq!(session.count(first).await?, 4);
        session.check().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_one_name_do_not_hinder_each_other() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    trigger(&session, "default", 200).await?;
    let config = WorkerConfig {
        identity: Identity {
            worker_id: Some("w".to_owned()),
            runner_id: Some("r".to_owned()),
        },
        ..config()
    };
    let mut running = Vec::new();
    for _ in 0..3 {
        let worker = worker(&database)?
            .config(config.clone())
            .task("test", |_: Context, _: Value| async { Ok(()) });
        running.push(Running::start(worker));
    }
    finished(&session, 200).await?;
    for running in running {
        running.stop().await?;
    }
    let good =
        "engine.run_state where run_status = 'COMPLETED_SUCCESSFULLY' and attempt_number = 1";
    assert_eq!(session.count(good).await?, 200);
    assert_eq!(session.count("engine.turn").await?, 1);
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_the_right_to_take_turns_works_by_single_calls() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    trigger(&session, "default", 5).await?;
    let role = format!("single_calls_{}", std::process::id());
    let sql = format!(
        "create role {role} login; \
         select engine_grant('{role}', 'work'), engine_grant('{role}', 'tick'); \
         revoke execute on function engine_work from {role}"
    );
    session.client.batch_execute(&sql).await?;
    let mut config: engine_client::tokio_postgres::Config = database.connection_string().parse()?;
    config.user(&role);
    let worker = Worker::new(config.into()).task("test", |_: Context, _: Value| async { Ok(()) });
    let running = Running::start(worker);
    finished(&session, 5).await?;
    running.stop().await?;
    assert_eq!(session.count("engine.turn").await?, 0);
    let sql = format!("drop owned by {role}; drop role {role}");
    session.client.batch_execute(&sql).await?;
    session.check().await
}
