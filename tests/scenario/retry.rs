//! Failed attempts that are retried.

use anyhow::{Context, Result};
use engine_harness::{Completed, Database, Held, Session};
use serde_json::json;

use crate::reported::{
    failure, failure_with_retry, internal_error, out_of_memory, unix_ms, user_error,
};

fn assert_led_to(completed: &Completed, attempt: &str, execution: &str, run: &str, number: i32) {
    let Completed {
        attempt_status,
        execution_status,
        run_status,
        attempt_number,
        ..
    } = completed;
    assert_eq!(
        (
            attempt_status.as_str(),
            execution_status.as_str(),
            run_status.as_str(),
            *attempt_number
        ),
        (attempt, execution, run, Some(number))
    );
}

/// The result of `engine_execution_data`: execution status, attempt number, run status.
async fn assert_is(
    session: &Session,
    held: &Held,
    execution: &str,
    number: i32,
    run: &str,
) -> Result<()> {
    let data = session.data(&held.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], execution);
    assert_eq!(data["run"]["attemptNumber"], number);
    assert_eq!(data["run"]["status"], run);
    Ok(())
}

async fn machine(session: &Session) -> Result<String> {
    let sql = "select machine from engine.run_state";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

/// Spec: AF-1.
#[tokio::test]
async fn a_run_that_is_retried_at_once_may_succeed_in_its_second_attempt() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let failed = session
        .complete(&held, failure_with_retry(user_error(), 0))
        .await?;
    assert_led_to(&failed, "RETRY_IMMEDIATELY", "EXECUTING", "EXECUTING", 1);
    assert_is(&session, &held, "EXECUTING", 1, "EXECUTING").await?;
    assert_eq!(
        session.count("engine.slot").await?,
        1,
        "its worker keeps the slot"
    );

    let again = session.start(&failed.latest).await?;
    assert_is(&session, &held, "EXECUTING", 2, "EXECUTING").await?;
    let succeeded = session.complete(&again, json!({"ok": true})).await?;
    assert_led_to(
        &succeeded,
        "RUN_FINISHED",
        "FINISHED",
        "COMPLETED_SUCCESSFULLY",
        2,
    );
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    Ok(())
}

/// Spec: AF-5.
#[tokio::test]
async fn a_run_that_ran_out_of_memory_continues_with_a_larger_machine() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .trigger_with(r#"'test', retry => '{"outOfMemory": {"machine": "small-2x"}}'"#)
        .await?;
    let held = session.take().await?;
    let failed = session.complete(&held, failure(out_of_memory())).await?;
    assert_led_to(&failed, "RETRY_QUEUED", "QUEUED", "PENDING", 1);
    assert_is(&session, &held, "QUEUED", 1, "PENDING").await?;
    assert_eq!(machine(&session).await?, "small-2x");
    assert_eq!(session.count("engine.slot").await?, 0);

    session.make_due(&held.run_id).await?;
    let sql =
        "select run_id, snapshot_id, attempt_number, machine ->> 'name' from engine_dequeue()";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(
        (row.get::<_, i32>(2), row.get::<_, &str>(3)),
        (2, "small-2x")
    );
    let dequeued = Held {
        run_id: row.get(0),
        snapshot_id: row.get(1),
    };
    let again = session.start(&dequeued).await?;
    let succeeded = session.complete(&again, json!({"ok": true})).await?;
    assert_led_to(
        &succeeded,
        "RUN_FINISHED",
        "FINISHED",
        "COMPLETED_SUCCESSFULLY",
        2,
    );
    Ok(())
}

/// Spec: AF-6.
#[tokio::test]
async fn a_run_that_runs_out_of_memory_on_the_larger_machine_too_crashes() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let retry =
        r#"{"maxTimeoutInMs": 10, "maxAttempts": 10, "outOfMemory": {"machine": "small-2x"}}"#;
    session
        .trigger_with(&format!("'test', retry => '{retry}'"))
        .await?;
    let held = session.take().await?;
    let failed = session.complete(&held, failure(out_of_memory())).await?;
    assert_led_to(&failed, "RETRY_QUEUED", "QUEUED", "PENDING", 1);
    session.make_due(&held.run_id).await?;
    let again = session.take().await?;
    let failed = session
        .complete(&again, failure_with_retry(out_of_memory(), 0))
        .await?;
    assert_led_to(&failed, "RUN_FINISHED", "FINISHED", "CRASHED", 2);
    Ok(())
}

/// Spec: AF-N3.
#[tokio::test]
async fn a_retry_after_a_long_delay_waits_in_the_queue_until_its_time() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let at = unix_ms() + 30_000;
    let completion =
        json!({"ok": false, "error": user_error(), "retry": {"timestamp": at, "delay": 30_000}});
    let failed = session.complete(&held, completion).await?;
    assert_led_to(&failed, "RETRY_QUEUED", "QUEUED", "PENDING", 1);
    let sql = "select (extract(epoch from available_at) * 1000)::bigint from engine.queue_item";
    let available_at: i64 = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(available_at, at as i64);
    assert_eq!(session.dequeue().await?, None, "before its time");
    assert_eq!(session.count("engine.slot").await?, 0);
    Ok(())
}

/// Spec: AF-N3.
#[tokio::test]
async fn from_which_delay_on_a_retry_waits_in_the_queue_is_a_setting() -> Result<()> {
    let database = Database::fresh().await?;
    database
        .set("engine.retry_requeue_threshold_ms", "100")
        .await?;
    let session = Session::open(&database).await?;
    for (delay_ms, expected) in [(99, "RETRY_IMMEDIATELY"), (100, "RETRY_QUEUED")] {
        session.trigger("test").await?;
        let held = session.take().await?;
        let failed = session
            .complete(&held, failure_with_retry(user_error(), delay_ms))
            .await?;
        assert_eq!(failed.attempt_status, expected, "{delay_ms} ms");
    }
    Ok(())
}

/// Spec: AF-N4.
#[tokio::test]
async fn a_process_that_was_terminated_is_retried_after_the_delay_of_the_runs_settings()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let retry =
        r#"{"factor": 1, "minTimeoutInMs": 100, "maxTimeoutInMs": 100, "randomize": false}"#;
    session
        .trigger_with(&format!("'test', retry => '{retry}'"))
        .await?;
    let held = session.take().await?;
    let terminated = failure(internal_error("TASK_PROCESS_SIGTERM"));
    let failed = session.complete(&held, terminated).await?;
    assert_led_to(&failed, "RETRY_QUEUED", "QUEUED", "PENDING", 1);
    let in_time = "engine.queue_item as i join engine.run_state as s using (run_id) \
                   where i.available_at - s.updated_at = interval '100 ms'";
    assert_eq!(session.count(in_time).await?, 1);
    Ok(())
}

/// Spec: AF-N4.
#[tokio::test]
async fn without_settings_of_its_own_a_terminated_run_crashes_or_fails() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let segfault = failure(internal_error("TASK_PROCESS_SIGSEGV"));
    let failed = session.complete(&held, segfault).await?;
    assert_led_to(&failed, "RUN_FINISHED", "FINISHED", "CRASHED", 1);
    Ok(())
}

/// Spec: AF-N7.
#[tokio::test]
async fn a_retry_that_the_last_attempt_asks_for_is_not_given() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', max_attempts => 2").await?;
    let held = session.take().await?;
    let failed = session
        .complete(&held, failure_with_retry(user_error(), 0))
        .await?;
    assert_eq!(failed.attempt_status, "RETRY_IMMEDIATELY");
    let again = session.start(&failed.latest).await?;
    let failed = session
        .complete(&again, failure_with_retry(user_error(), 0))
        .await?;
    assert_led_to(
        &failed,
        "RUN_FINISHED",
        "FINISHED",
        "COMPLETED_WITH_ERRORS",
        2,
    );
    Ok(())
}

/// Spec: AF-N12.
#[tokio::test]
async fn a_retry_is_reported_before_its_snapshot() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let before = session
        .all_events(0)
        .await?
        .last()
        .context("no events")?
        .position;
    let failed = session
        .complete(&held, failure_with_retry(user_error(), 0))
        .await?;
    let events = session.all_events(before).await?;
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "runRetryScheduled",
            "executionSnapshotCreated",
            "workerNotification"
        ]
    );
    assert_eq!(events[0].body["run"]["attemptNumber"], 2);
    assert_eq!(
        events[1].body["snapshot"]["id"],
        failed.latest.snapshot_id.as_str()
    );
    assert_eq!(events[1].body["snapshot"]["attemptNumber"], 1);
    Ok(())
}

/// Spec: RET-1.
#[tokio::test]
async fn a_run_that_says_nothing_of_attempts_is_retried_by_what_its_dequeue_resolved() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    for (delay_ms, attempt, execution, run) in [
        (0, "RETRY_IMMEDIATELY", "EXECUTING", "EXECUTING"),
        (60_000, "RETRY_QUEUED", "QUEUED", "PENDING"),
    ] {
        let run_id = session.trigger("test").await?.run_id;
        let held = session.take().await?;
        let sql = "select max_attempts from engine.run_state where run_id = $1";
        let max_attempts: i32 = session.client.query_one(sql, &[&run_id]).await?.get(0);
        assert_eq!(max_attempts, 3);
        let failed = session
            .complete(&held, failure_with_retry(user_error(), delay_ms))
            .await?;
        assert_led_to(&failed, attempt, execution, run, 1);
    }
    Ok(())
}

/// Spec: RET-2.
#[tokio::test]
async fn an_attempt_whose_worker_is_gone_is_reported_as_failed_and_retried_through_the_queue()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', max_attempts => 3").await?;
    let held = session.take().await?;
    session.lapse(&held.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    assert_is(&session, &held, "QUEUED", 1, "PENDING").await?;
    let events = session.all_events(0).await?;
    let failed = events.iter().find(|event| event.name == "runAttemptFailed");
    let failed = failed.context("runAttemptFailed is missing")?;
    assert_eq!(
        (&failed.run_id, &failed.body["run"]["attemptNumber"]),
        (&held.run_id, &json!(1))
    );
    assert_eq!(
        failed.body["run"]["error"]["code"],
        "TASK_RUN_STALLED_EXECUTING"
    );
    Ok(())
}
