//! Batches whose items are added by separate calls. The call that adds an item triggers it: there is no queue of items,
//! no consumer, no retry and no fairness between environments to test.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_postgres::Row;

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

pub(crate) fn enqueued(rows: &[Row]) -> Vec<bool> {
    rows.iter().map(|row| row.get("enqueued")).collect()
}

pub(crate) fn item(index: i32) -> Value {
    json!({"task": "child", "index": index, "payload": {"n": index}})
}

/// Spec: B2-01, B-05, BQ-06.
#[tokio::test]
async fn items_become_runs_in_their_order() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("3").await?;
    let data = session.batch(&batch).await?;
    assert_eq!(
        (
            &data["itemCount"],
            &data["successfulRunCount"],
            &data["failedRunCount"]
        ),
        (&json!(0), &json!(0), &json!(0))
    );
    let mut runs = Vec::new();
    for index in 0..3 {
        let rows = session.add_to_batch(&batch, json!([item(index)])).await?;
        assert_eq!(enqueued(&rows), [true]);
        runs.push(format!("run_{}", rows[0].get::<_, &str>("run_id")));
    }
    let data = session.batch(&batch).await?;
    assert_eq!(
        (
            &data["itemCount"],
            &data["successfulRunCount"],
            &data["failedRunCount"]
        ),
        (&json!(3), &json!(3), &json!(0))
    );
    assert_eq!(data["runs"], json!(runs));
    let children = format!("engine.run where batch_id = '{batch}' and payload = '{{\"n\":2}}'");
    assert_eq!(session.count(&children).await?, 1);
    assert_eq!(session.count("engine.queue_item").await?, 3);
    session.check().await
}

/// Spec: B2-02, B-06, BQ-05.
#[tokio::test]
async fn an_item_is_added_once() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("2").await?;
    let mut answers = Vec::new();
    for index in [0, 0, 1, 1] {
        answers.extend(enqueued(
            &session.add_to_batch(&batch, json!([item(index)])).await?,
        ));
    }
    assert_eq!(answers, [true, false, true, false], "also after the seal");
    assert_eq!(session.count("engine.run").await?, 2);
    let twice = session.create_batch("2").await?;
    let rows = session
        .add_to_batch(&twice, json!([item(1), item(1), item(0)]))
        .await?;
    assert_eq!(enqueued(&rows), [true, false, true]);
    assert_eq!(
        rows[0].get::<_, &str>("run_id"),
        rows[1].get::<_, &str>("run_id")
    );
    assert_eq!(session.batch(&twice).await?["itemCount"], 2);
    session.check().await
}

/// Spec: B2-03.
#[tokio::test]
async fn a_sealed_batch_is_processing_and_its_parent_waits() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "null, parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let batch = session.create_batch(&arguments).await?;
    session
        .add_to_batch(&batch, json!([item(0), item(1)]))
        .await?;
    assert_eq!(session.batch_status(&batch).await?, "PENDING");
    assert_eq!(
        session.seal_batch(&batch).await?,
        (true, "PROCESSING".to_owned(), 2)
    );
    for _ in 0..2 {
        let held = session.take().await?;
        session.complete(&held, json!({"ok": true})).await?;
    }
    assert_eq!(session.edges(&parent.run_id).await?, 0);
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    session.check().await
}

/// Spec: B2-04, B-07.
#[tokio::test]
async fn an_unknown_batch_takes_no_items() -> Result<()> {
    let session = session().await?;
    let refused = session
        .refused("select engine_add_to_batch('batch_nope', '[{\"task\": \"t\"}]')")
        .await?;
    assert_eq!(refused.code, "RE011");
    assert!(refused.detail.contains("not found or not initialized"));
    Ok(())
}

/// Spec: B2-10.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_streams_that_end_at_once_one_seals_the_batch() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for _ in 0..10 {
        let batch = session.create_batch("20").await?;
        let mut streams = JoinSet::new();
        for stream in 0..2 {
            let (other, batch) = (Session::open(&database).await?, batch.clone());
            streams.spawn(async move {
                for index in 0..10 {
                    other
                        .add_to_batch(&batch, json!([item(2 * index + stream)]))
                        .await?;
                }
                other.seal_batch(&batch).await
            });
        }
        let answers: Vec<(bool, String, i32)> = streams
            .join_all()
            .await
            .into_iter()
            .collect::<Result<_>>()?;
        assert!(answers.iter().any(|(sealed, ..)| *sealed));
        let data = session.batch(&batch).await?;
        assert_eq!(
            (&data["status"], &data["itemCount"], &data["sealed"]),
            (&json!("PROCESSING"), &json!(20), &json!(true))
        );
    }
    assert_eq!(session.count("engine.run").await?, 200);
    session.check().await
}

/// Spec: B2-11.
#[tokio::test]
async fn a_batch_has_only_the_places_that_it_was_given() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("2").await?;
    for index in [2, -1] {
        let sql = format!("select engine_add_to_batch('{batch}', '[{}]')", item(index));
        let refused = session.refused(&sql).await?;
        assert_eq!(refused.code, "22023", "{index}");
        assert!(refused.message.contains("\"index\"") && refused.detail.starts_with("Element 0: "));
    }
    assert_eq!(session.count("engine.run").await?, 0);
    Ok(())
}

/// Spec: B2-12.
#[tokio::test]
async fn a_sealed_batch_takes_no_more_items() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("").await?;
    session.add_to_batch(&batch, json!([item(0)])).await?;
    session.seal_batch(&batch).await?;
    for sql in [
        format!(
            "select engine_add_to_batch('{batch}', '[{{\"task\": \"t\", \"index\": 0}}, {{\"task\": \"t\"}}]')"
        ),
        format!("select engine_trigger('t', batch_id => '{batch}')"),
    ] {
        let refused = session.refused(&sql).await?;
        assert!(
            matches!(refused.code.as_str(), "RE012" | "22023"),
            "{refused:?}"
        );
    }
    let open = session.create_batch("").await?;
    session.seal_batch(&open).await?;
    let refused = session
        .refused(&format!("select engine_trigger('t', batch_id => '{open}')"))
        .await?;
    assert_eq!(refused.code, "RE012");
    assert_eq!(session.count("engine.run").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_short_stream_is_not_sealed_and_may_be_sent_again() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("3").await?;
    session
        .add_to_batch(&batch, json!([item(0), item(2)]))
        .await?;
    assert_eq!(
        session.seal_batch(&batch).await?,
        (false, "PENDING".to_owned(), 2)
    );
    let rows = session
        .add_to_batch(&batch, json!([item(0), item(1), item(2)]))
        .await?;
    assert_eq!(enqueued(&rows), [false, true, false]);
    assert_eq!(
        session.seal_batch(&batch).await?,
        (true, "PROCESSING".to_owned(), 3)
    );
    session.check().await
}

/// Spec: BQ-01, BQ-04.
#[tokio::test]
async fn what_a_batch_was_created_with_can_be_read() -> Result<()> {
    let session = session().await?;
    let environment = "select engine_set_environment('e', 'STAGING')";
    session.client.batch_execute(environment).await?;
    session
        .trigger_with("'parent', environment_id => 'e'")
        .await?;
    let parent = session.take().await?;
    let options = json!({"triggerVersion": "1.0", "spanParentAsLink": true});
    let arguments = format!(
        "5, 'e', '{}', true, 'key', options => '{options}'",
        parent.run_id
    );
    let batch = session.create_batch(&arguments).await?;
    let data = session.batch(&batch).await?;
    for (key, expected) in [
        ("id", json!(batch)),
        ("friendlyId", json!(format!("batch_{batch}"))),
        ("environmentId", json!("e")),
        ("runCount", json!(5)),
        ("parentRunId", json!(format!("run_{}", parent.run_id))),
        ("resumeParentOnCompletion", json!(true)),
        ("idempotencyKey", json!("key")),
        ("options", options),
    ] {
        assert_eq!(data[key], expected, "{key}");
    }
    let sql = format!(
        "select engine_batch_data('{batch}', 'default') is null, engine_batch_data('nope') is null"
    );
    let row = session.client.query_one(&sql, &[]).await?;
    assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (true, true));
    Ok(())
}

/// Spec: BQ-02, BQ-03.
#[tokio::test]
async fn batches_count_their_own_items() -> Result<()> {
    let session = session().await?;
    let mut batches = Vec::new();
    for count in [5, 3, 7] {
        let batch = session.create_batch("10").await?;
        session
            .add_to_batch(&batch, (0..count).map(item).collect())
            .await?;
        batches.push((batch, count));
    }
    for (batch, count) in batches {
        let data = session.batch(&batch).await?;
        assert_eq!(data["itemCount"], count);
        assert_eq!(data["runs"].as_array().map(Vec::len), Some(count as usize));
    }
    session.check().await
}
