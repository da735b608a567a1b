//! Events of callers' actions: every transition has its own, in order, and each matches the rows that it describes.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::json;

use crate::event_reader::Reader;
use crate::reported::{cancel_confirmed, failure, failure_with_retry, out_of_memory, user_error};

#[tokio::test]
async fn a_run_reports_its_trigger_dequeue_start_and_success() -> Result<()> {
    let mut reader = Reader::open(&[("engine.base_cost_in_cents", "0.0005")]).await?;
    reader.trigger("").await?;
    reader
        .next_events(&["executionSnapshotCreated", "runCreated"])
        .await?;
    let dequeue =
        "select run_id, snapshot_id from engine_dequeue(worker_id => 'w', runner_id => 'r')";
    let row = reader.session.client.query_one(dequeue, &[]).await?;
    let held = Held {
        run_id: row.get(0),
        snapshot_id: row.get(1),
    };
    let events = reader
        .next_events(&["runLocked", "executionSnapshotCreated"])
        .await?;
    assert_eq!(events[0].body["run"]["status"], "DEQUEUED");
    assert_eq!(events[0].body["run"]["maxAttempts"], 3);
    assert_eq!(
        events[0].body["run"]["baseCostInCents"].as_f64(),
        Some(0.0005)
    );
    assert_eq!(events[1].body["snapshot"]["runStatus"], "PENDING");
    assert_eq!(
        (
            &events[1].body["snapshot"]["workerId"],
            &events[1].body["snapshot"]["runnerId"]
        ),
        (&json!("w"), &json!("r"))
    );

    let held = reader.session.start(&held).await?;
    let events = reader
        .next_events(&["executionSnapshotCreated", "runAttemptStarted"])
        .await?;
    assert_eq!(events[1].body["run"]["attemptNumber"], 1);
    let success =
        json!({"ok": true, "output": "1", "usage": {"durationMs": 500}, "metadata": {"step": 2}});
    reader.session.complete(&held, success).await?;
    let events = reader
        .next_events(&[
            "runMetadataUpdated",
            "executionSnapshotCreated",
            "runSucceeded",
        ])
        .await?;
    assert_eq!(
        events[0].body,
        json!({"run": {"id": held.run_id, "metadata": {"step": 2}}})
    );
    let run = &events[2].body["run"];
    assert_eq!(
        (&run["output"], &run["usageDurationMs"]),
        (&json!("1"), &json!(500))
    );
    assert_eq!(
        (run["costInCents"].as_f64(), &run["spanId"]),
        (Some(0.05), &json!("s12345"))
    );
    Ok(())
}

#[tokio::test]
async fn a_failed_attempt_reports_its_end_or_its_retry() -> Result<()> {
    let mut reader = Reader::open(&[]).await?;
    let held = reader.take("").await?;
    reader
        .session
        .complete(&held, failure(user_error()))
        .await?;
    let events = reader
        .next_events(&["executionSnapshotCreated", "runFailed"])
        .await?;
    assert_eq!(events[1].body["run"]["error"], user_error());

    let held = reader.take("").await?;
    let failed = reader
        .session
        .complete(&held, failure_with_retry(user_error(), 0))
        .await?;
    let at_once = [
        "runRetryScheduled",
        "executionSnapshotCreated",
        "workerNotification",
    ];
    let events = reader.next_events(&at_once).await?;
    assert_eq!(events[0].body["run"]["error"], user_error());
    assert_eq!(
        events[2].body["snapshot"]["id"],
        failed.latest.snapshot_id.as_str()
    );

    let held = reader.session.start(&failed.latest).await?;
    reader.skip().await?;
    reader
        .session
        .complete(&held, failure_with_retry(user_error(), 60_000))
        .await?;
    let events = reader
        .next_events(&["runRetryScheduled", "executionSnapshotCreated"])
        .await?;
    assert_eq!(events[0].body["run"]["attemptNumber"], 3);
    let sql = "select ($1::text::timestamptz) = available_at from engine.queue_item";
    let retry_at = events[0].body["retryAt"].as_str();
    assert!(
        reader
            .session
            .client
            .query_one(sql, &[&retry_at])
            .await?
            .get::<_, bool>(0)
    );
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_ran_out_of_memory_reports_its_failure_and_the_next_machine() -> Result<()>
{
    let mut reader = Reader::open(&[]).await?;
    let retry = r#", retry => '{"outOfMemory": {"machine": "small-2x"}}'"#;
    let held = reader.take(retry).await?;
    reader
        .session
        .complete(&held, failure(out_of_memory()))
        .await?;
    let names = [
        "runAttemptFailed",
        "runRetryScheduled",
        "executionSnapshotCreated",
    ];
    let events = reader.next_events(&names).await?;
    assert_eq!(events[0].body["run"]["error"], out_of_memory());
    assert_eq!(events[1].body["run"]["nextMachineAfterOOM"], "small-2x");
    Ok(())
}

#[tokio::test]
async fn a_cancel_notifies_the_worker_and_then_reports_the_end() -> Result<()> {
    let mut reader = Reader::open(&[]).await?;
    let held = reader.take("").await?;
    let asked = reader
        .session
        .cancel(&format!("'{}', 'why'", held.run_id))
        .await?;
    reader
        .next_events(&["executionSnapshotCreated", "workerNotification"])
        .await?;
    reader.session.cancel(&format!("'{}'", held.run_id)).await?;
    let notice = reader.session.all_events(reader.after).await?;
    assert_eq!(notice.len(), 1);
    let snapshot = json!({"id": asked.latest.snapshot_id, "executionStatus": "PENDING_CANCEL"});
    let body = json!({"run": {"id": held.run_id}, "snapshot": snapshot});
    assert_eq!(
        (notice[0].name.as_str(), &notice[0].body),
        ("workerNotification", &body)
    );
    reader.skip().await?;
    reader
        .session
        .complete(&asked.latest, cancel_confirmed())
        .await?;
    let events = reader
        .next_events(&["executionSnapshotCreated", "runCancelled"])
        .await?;
    assert_eq!(events[1].body["run"]["error"]["raw"], "why");

    let run = reader.trigger("").await?;
    reader.skip().await?;
    reader.session.cancel(&format!("'{}'", run.run_id)).await?;
    let events = reader
        .next_events(&["executionSnapshotCreated", "runCancelled"])
        .await?;
    assert_eq!(
        events[1].body["run"]["attemptNumber"], 1,
        "as of a run that has started none"
    );
    reader.session.cancel(&format!("'{}'", run.run_id)).await?;
    reader.next_events(&[]).await?;
    Ok(())
}

#[tokio::test]
async fn a_run_that_begins_finished_reports_its_end_and_nothing_else() -> Result<()> {
    let mut reader = Reader::open(&[]).await?;
    let run =
        r#"{"task": "t", "environment_id": "e", "tags": ["t"], "trace_context": {"spanId": "s"}}"#;
    let cancelled =
        format!("select engine_create_cancelled_run('{run}', now() - interval '1 day')");
    reader.session.client.batch_execute(&cancelled).await?;
    let events = reader.next_events(&["runCancelled"]).await?;
    assert_eq!(events[0].body["run"]["attemptNumber"], 0);
    let failed = format!(
        "select engine_create_failed_run('{run}', '{}')",
        user_error()
    );
    reader.session.client.batch_execute(&failed).await?;
    let events = reader.next_events(&["runFailed"]).await?;
    assert_eq!(events[0].body["run"]["attemptNumber"], 0);
    Ok(())
}

/// Without the tick, each reader reads what was written since autovacuum came by.
#[tokio::test]
async fn a_tick_summarizes_every_complete_range_of_the_history_for_readers() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let fill = "select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 1000)))";
    for _ in 0..6 {
        session.client.query_one(fill, &[]).await?;
    }
    session.tick().await?;
    let rest = "select brin_summarize_new_values('engine.snapshot_position')";
    let summarized: i32 = session.client.query_one(rest, &[]).await?.get(0);
    assert!(
        summarized <= 1,
        "{summarized} ranges were left, and one is incomplete"
    );
    assert_eq!(session.all_events(0).await?.len(), 12_000);
    Ok(())
}
