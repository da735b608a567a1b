//! Helpers for tests of tasks.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use engine_client::{Context, Failure, Trigger, Worker, WorkerConfig, testing};
use engine_harness::Database;
use serde_json::json;

#[tokio::test]
async fn a_worker_executes_a_run_to_its_end_however_many_days_its_retries_take() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.allow_test_clock", "on").await?;
    let connection: engine_client::Database = database.connection_string().parse()?;
    let clock = connection.connect().await?;
    let daily = json!({"minTimeoutInMs": 86_400_000, "maxTimeoutInMs": 86_400_000, "factor": 1, "randomize": false});
    let trigger = Trigger::new("settle")
        .payload(&3)?
        .max_attempts(5)
        .retry(daily);
    let run = clock.engine().trigger(&trigger).await?;
    let place = database.connection_string();
    let worker = Worker::new(connection.clone())
        .config(WorkerConfig::default())
        .task("settle", move |ctx: Context, wanted: i32| {
            let place = place.clone();
            async move {
                if ctx.attempt_number() >= wanted {
                    return Ok(ctx.attempt_number());
                }
                // The day passes as soon as the attempt has failed; nobody waits for it.
                tokio::spawn(pass_a_day(place, ctx.attempt_number()));
                Err(Failure::message("not yet"))
            }
        });
    let result = testing::run_to_end(worker, &run.run_id).await?;
    assert_eq!(result.output::<i32>()?, 3);
    Ok(())
}

/// Moves the clock to after the retry of a failed attempt.
async fn pass_a_day(place: String, attempt: i32) -> Result<()> {
    let database: engine_client::Database = place.parse()?;
    let connection = database.connect().await?;
    let failed = format!(
        "select 1 from engine.run_state where attempt_number = {attempt} and execution_status = 'QUEUED'"
    );
    while connection.client().query_opt(&failed, &[]).await?.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let days = u64::try_from(attempt).context("an attempt's number")?;
    let at = SystemTime::now() + Duration::from_secs(days * 86_460);
    connection.engine().set_test_clock(at).await?;
    Ok(())
}

#[tokio::test]
async fn a_drain_ends_when_all_has_ended_but_what_comes_later_or_waits() -> Result<()> {
    let database = Database::fresh().await?;
    let connection: engine_client::Database = database.connection_string().parse()?;
    let session = connection.connect().await?;
    let engine = session.engine();
    let parents = vec![Trigger::new("parent").payload(&())?; 3];
    let parents = engine.trigger_many(&parents).await?;
    let hour = SystemTime::now() + Duration::from_secs(3600);
    let later = Trigger::new("child").payload(&1)?.delay_until(hour);
    let later = engine.trigger(&later).await?.run_id;
    let waits = engine.trigger(&Trigger::new("waits").payload(&())?).await?;
    let worker = Worker::new(connection.clone())
        // A handler that waits would hold the end of the worker back.
        .config(WorkerConfig {
            drain_timeout: Duration::from_millis(100),
            ..crate::running::config()
        })
        .task("parent", |ctx: Context, (): ()| async move {
            let child = Trigger::new("child").payload(&20)?;
            let child = ctx.trigger_and_wait("child", child).await?;
            Ok(child.output::<i64>()? + 1)
        })
        .task(
            "child",
            |_: Context, number: i64| async move { Ok(number * 2) },
        )
        .task("waits", |ctx: Context, (): ()| async move {
            let token = ctx.create_token("approval", None).await?;
            ctx.wait_for_token::<bool>(&token).await
        });
    assert_eq!(testing::drain(worker).await?, 6);
    for run in &parents {
        let patience = Duration::from_secs(1);
        let result = testing::result_within(patience, &session, &run.run_id).await?;
        assert_eq!(result.context("it has not ended")?.output::<i64>()?, 41);
    }
    for run_id in [&later, &waits.run_id] {
        let result = testing::result_within(Duration::ZERO, &session, run_id).await?;
        assert!(result.is_none());
    }
    Ok(())
}
