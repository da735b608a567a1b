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
