//! Items that cannot be triggered.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

use crate::batch_item::{enqueued, item};

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Spec: BQ-07.
#[tokio::test]
async fn an_item_that_cannot_be_triggered_does_not_spoil_its_neighbours() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("3").await?;
    let items = json!([item(0), {"task": "child", "index": 1, "max_attempts": 0}, item(2)]);
    let rows = session.add_to_batch(&batch, items).await?;
    assert_eq!(enqueued(&rows), [true, true, true]);
    assert_eq!(rows[1].get::<_, Option<&str>>("error_code"), Some("22023"));
    assert!(
        rows[1]
            .get::<_, &str>("error_message")
            .contains("\"max_attempts\"")
    );
    assert_eq!(rows[0].get::<_, Option<&str>>("error_code"), None);
    let data = session.batch(&batch).await?;
    assert_eq!(
        (
            &data["status"],
            &data["successfulRunCount"],
            &data["failedRunCount"]
        ),
        (&json!("PARTIAL_FAILED"), &json!(2), &json!(1))
    );
    let failure = &data["failures"][0];
    assert_eq!(
        (
            &failure["index"],
            &failure["taskIdentifier"],
            &failure["errorCode"],
            &failure["request"]["max_attempts"]
        ),
        (&json!(1), &json!("child"), &json!("22023"), &json!(0))
    );
    assert_eq!(data["runs"].as_array().map(Vec::len), Some(2));
    let failed = format!(
        "engine.run_state where run_status = 'SYSTEM_FAILURE' and run_id = '{}'",
        rows[1].get::<_, &str>("run_id")
    );
    assert_eq!(session.count(&failed).await?, 1);
    session.check().await?;
    for _ in 0..2 {
        let held = session.take().await?;
        session.complete(&held, json!({"ok": true})).await?;
    }
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    session.check().await
}

/// Spec: BQ-19.
#[tokio::test]
async fn an_item_for_a_full_queue_fails_at_once() -> Result<()> {
    let session = session().await?;
    let queue = "select engine_set_queue('q', max_size => 2)";
    session.client.batch_execute(queue).await?;
    session.trigger_with("'other', queue => 'q'").await?;
    let batch = session.create_batch("3").await?;
    let item = json!({"task": "child", "queue": "q"});
    let rows = session
        .add_to_batch(&batch, json!([item, item, item]))
        .await?;
    let codes: Vec<Option<&str>> = rows.iter().map(|row| row.get("error_code")).collect();
    let full = Some("QUEUE_SIZE_LIMIT_EXCEEDED");
    assert_eq!(codes, [None, full, full]);
    let data = session.batch(&batch).await?;
    assert_eq!(
        (&data["status"], &data["failedRunCount"]),
        (&json!("PARTIAL_FAILED"), &json!(2))
    );
    assert_eq!(session.count("engine.queue_item").await?, 2);
    session.check().await
}

#[tokio::test]
async fn a_parent_sees_an_item_that_could_not_be_triggered_at_its_place() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "2, parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let batch = session.create_batch(&arguments).await?;
    session
        .add_to_batch(&batch, json!([{"task": "", "index": 0}, item(1)]))
        .await?;
    let held = session.take().await?;
    session
        .complete(&held, json!({"ok": true, "output": "2"}))
        .await?;
    session.tick().await?;
    let data = session.data(&parent.run_id).await?;
    let entries = &data["completedWaitpoints"];
    assert_eq!(
        (&entries[0]["index"], &entries[0]["outputIsError"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(
        (&entries[1]["index"], &entries[1]["output"]),
        (&json!(1), &json!("2"))
    );
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    session.check().await
}

/// Spec: BQ-08, BC-07.
#[tokio::test]
async fn a_batch_of_which_nothing_could_be_triggered_is_aborted_for_good() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "2, parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let batch = session.create_batch(&arguments).await?;
    let bad = json!([{"task": "t", "priority_ms": 1e18 as i64}, {"task": "t", "tags": [""]}]);
    session.add_to_batch(&batch, bad).await?;
    let data = session.batch(&batch).await?;
    assert_eq!(
        (&data["status"], &data["failedRunCount"]),
        (&json!("ABORTED"), &json!(2))
    );
    assert!(data["completedAt"].is_string());
    session.tick().await?;
    assert_eq!(session.batch_status(&batch).await?, "ABORTED");
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    let data = session.data(&parent.run_id).await?;
    let entries = data["completedWaitpoints"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry["outputIsError"] == true));
    session.check().await
}
