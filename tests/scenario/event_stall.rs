//! Events of runs without calls, and how long an event stays unchanged.

use anyhow::{Context, Result};
use serde_json::json;

use crate::event_reader::Reader;
use crate::reported::{internal_error, user_error};

#[tokio::test]
async fn a_run_that_no_worker_starts_reports_its_requeues_and_its_end() -> Result<()> {
    let mut reader = Reader::open(&[("engine.queue_max_attempts", "2")]).await?;
    let run = reader.trigger("").await?;
    for names in [
        &["executionSnapshotCreated"][..],
        &["executionSnapshotCreated", "runFailed"][..],
    ] {
        reader.session.make_due(&run.run_id).await?;
        let held = reader
            .session
            .dequeue()
            .await?
            .context("nothing is queued")?;
        reader.skip().await?;
        reader.session.lapse(&held.run_id).await?;
        assert_eq!(reader.session.tick().await?, 1);
        reader.next_events(names).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_attempt_whose_worker_is_gone_reports_its_failure_before_what_follows() -> Result<()> {
    let mut reader = Reader::open(&[]).await?;
    for (more, names) in [
        (
            ", max_attempts => 1",
            ["runAttemptFailed", "executionSnapshotCreated", "runFailed"],
        ),
        (
            "",
            [
                "runAttemptFailed",
                "runRetryScheduled",
                "executionSnapshotCreated",
            ],
        ),
    ] {
        let held = reader.take(more).await?;
        reader.session.lapse(&held.run_id).await?;
        assert_eq!(reader.session.tick().await?, 1);
        let events = reader.next_events(&names).await?;
        assert_eq!(
            events[0].body["run"]["error"]["code"],
            "TASK_RUN_STALLED_EXECUTING"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_reports_the_error_of_its_attempt_and_why_it_was_given_up() -> Result<()> {
    let mut reader = Reader::open(&[("engine.queue_max_attempts", "1")]).await?;
    let held = reader.take("").await?;
    reader.session.lapse(&held.run_id).await?;
    assert_eq!(reader.session.tick().await?, 1);
    let events = reader
        .next_events(&["runAttemptFailed", "executionSnapshotCreated", "runFailed"])
        .await?;
    assert_eq!(
        events[0].body["run"]["error"]["code"],
        "TASK_RUN_STALLED_EXECUTING"
    );
    assert_eq!(
        events[2].body["run"]["error"]["code"],
        "TASK_RUN_DEQUEUED_MAX_RETRIES"
    );
    reader
        .session
        .client
        .query_one("select engine_redrive($1)", &[&held.run_id])
        .await?;
    let events = reader
        .next_events(&["runStatusChanged", "executionSnapshotCreated"])
        .await?;
    assert_eq!(events[0].body["run"]["status"], "PENDING");
    Ok(())
}

#[tokio::test]
async fn a_stray_item_reports_the_problem_and_its_outcome() -> Result<()> {
    let mut reader = Reader::open(&[]).await?;
    let held = reader.take("").await?;
    reader.session.put_stray(&held.run_id).await?;
    assert_eq!(reader.session.dequeue().await?, None);
    let names = [
        "executionSnapshotCreated",
        "executionSnapshotCreated",
        "runFailed",
    ];
    let events = reader.next_events(&names).await?;
    assert_eq!(events[0].body["snapshot"]["isValid"], false);
    assert_eq!(events[1].body["snapshot"]["executionStatus"], "FINISHED");
    reader.session.put_stray(&held.run_id).await?;
    assert_eq!(reader.session.dequeue().await?, None);
    let events = reader.next_events(&["executionSnapshotCreated"]).await?;
    assert_eq!(events[0].body["snapshot"]["isValid"], false);
    Ok(())
}

#[tokio::test]
async fn a_run_that_may_start_no_more_attempts_reports_its_end() -> Result<()> {
    let mut reader = Reader::open(&[]).await?;
    reader.trigger("").await?;
    let held = reader
        .session
        .dequeue()
        .await?
        .context("nothing is queued")?;
    let sql = "update engine.run_state set attempt_number = 250; update engine.snapshot set attempt_number = 250";
    reader.session.client.batch_execute(sql).await?;
    reader.skip().await?;
    reader.session.start(&held).await?;
    let events = reader
        .next_events(&["executionSnapshotCreated", "runFailed"])
        .await?;
    assert_eq!(events[1].body["run"]["attemptNumber"], 250);
    Ok(())
}

#[tokio::test]
async fn an_event_says_the_same_whenever_it_is_read() -> Result<()> {
    let mut reader = Reader::open(&[("engine.queue_max_attempts", "2")]).await?;
    let mut events = Vec::new();
    let mut read = async |reader: &mut Reader| -> Result<()> {
        let next = reader.session.all_events(reader.after).await?;
        reader.after = next.last().map_or(reader.after, |event| event.position);
        events.extend(next);
        Ok(())
    };
    let run = reader.trigger(", max_attempts => 100").await?;
    let usage = json!({"durationMs": 10});
    for _ in 0..2 {
        reader.session.make_due(&run.run_id).await?;
        let held = reader
            .session
            .dequeue()
            .await?
            .context("nothing is queued")?;
        read(&mut reader).await?;
        let held = reader.session.start(&held).await?;
        read(&mut reader).await?;
        let failure =
            json!({"ok": false, "error": user_error(), "retry": {"delay": 0}, "usage": usage});
        let failed = reader.session.complete(&held, failure).await?;
        read(&mut reader).await?;
        reader.session.start(&failed.latest).await?;
        reader.session.lapse(&run.run_id).await?;
        assert_eq!(reader.session.tick().await?, 1);
        read(&mut reader).await?;
        // The queue's count restarts after a reported failure: the second stall in a row ends the run.
        reader.session.make_due(&run.run_id).await?;
        reader
            .session
            .dequeue()
            .await?
            .context("nothing is queued")?;
        reader.session.lapse(&run.run_id).await?;
        assert_eq!(reader.session.tick().await?, 1);
        assert_eq!(
            reader.session.status(&run.run_id).await?.1,
            "SYSTEM_FAILURE"
        );
        read(&mut reader).await?;
        reader
            .session
            .client
            .query_one("select engine_redrive($1)", &[&run.run_id])
            .await?;
        read(&mut reader).await?;
    }
    let held = reader.session.take().await?;
    let crash =
        json!({"ok": false, "error": internal_error("DISK_SPACE_EXCEEDED"), "usage": usage});
    reader.session.complete(&held, crash).await?;
    read(&mut reader).await?;
    let again = reader.session.all_events(0).await?;
    assert_eq!(again.len(), events.len());
    for (again, event) in again.iter().zip(&events) {
        assert_eq!(again, event);
    }
    Ok(())
}
