//! B2 and BQ: batches whose items come in calls of their own. Ours triggers an item in the call that adds it: there is no queue of
//! items, no consumer, no retry and no fairness between environments to be tested (BQ-09 to BQ-21, DR).

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Creates a batch with the arguments of `engine_create_batch` as they stand between its parentheses.
async fn create(session: &Session, arguments: &str) -> Result<String> {
    let sql = format!("select batch_id from engine_create_batch({arguments})");
    Ok(session.client.query_one(&sql, &[]).await?.get(0))
}

async fn add(session: &Session, batch: &str, items: Value) -> Result<Vec<Row>> {
    let sql = "select index, run_id, enqueued, error_code, error_message from engine_add_to_batch($1, $2)";
    Ok(session.client.query(sql, &[&batch, &Json(items)]).await?)
}

fn enqueued(rows: &[Row]) -> Vec<bool> {
    rows.iter().map(|row| row.get("enqueued")).collect()
}

/// `sealed`, `status`, `item_count` of `engine_seal_batch`.
async fn seal(session: &Session, batch: &str) -> Result<(bool, String, i32)> {
    let sql = "select sealed, status, item_count from engine_seal_batch($1)";
    let row = session.client.query_one(sql, &[&batch]).await?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

async fn status(session: &Session, batch: &str) -> Result<Value> {
    Ok(session.batch(batch).await?["status"].clone())
}

fn item(index: i32) -> Value {
    json!({"task": "child", "index": index, "payload": {"n": index}})
}

#[tokio::test]
async fn b2_01_b_05_and_bq_06_items_become_runs_in_their_order() -> Result<()> {
    let session = session().await?;
    let batch = create(&session, "3").await?;
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
        let rows = add(&session, &batch, json!([item(index)])).await?;
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

#[tokio::test]
async fn b2_02_b_06_and_bq_05_an_item_is_added_once() -> Result<()> {
    let session = session().await?;
    let batch = create(&session, "2").await?;
    let mut answers = Vec::new();
    for index in [0, 0, 1, 1] {
        answers.extend(enqueued(
            &add(&session, &batch, json!([item(index)])).await?,
        ));
    }
    assert_eq!(answers, [true, false, true, false], "also after the seal");
    assert_eq!(session.count("engine.run").await?, 2);
    let twice = create(&session, "2").await?;
    let rows = add(&session, &twice, json!([item(1), item(1), item(0)])).await?;
    assert_eq!(enqueued(&rows), [true, false, true]);
    assert_eq!(
        rows[0].get::<_, &str>("run_id"),
        rows[1].get::<_, &str>("run_id")
    );
    assert_eq!(session.batch(&twice).await?["itemCount"], 2);
    session.check().await
}

#[tokio::test]
async fn b2_03_a_sealed_batch_is_processing_and_its_parent_waits() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "null, parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let batch = create(&session, &arguments).await?;
    add(&session, &batch, json!([item(0), item(1)])).await?;
    assert_eq!(status(&session, &batch).await?, "PENDING");
    assert_eq!(
        seal(&session, &batch).await?,
        (true, "PROCESSING".to_owned(), 2)
    );
    for _ in 0..2 {
        let held = session.take().await?;
        session.complete(&held, json!({"ok": true})).await?;
    }
    assert_eq!(session.edges(&parent.run_id).await?, 0);
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    assert_eq!(status(&session, &batch).await?, "COMPLETED");
    session.check().await
}

#[tokio::test]
async fn b2_04_and_b_07_an_unknown_batch_takes_no_items() -> Result<()> {
    let session = session().await?;
    let refused = session
        .refused("select engine_add_to_batch('batch_nope', '[{\"task\": \"t\"}]')")
        .await?;
    assert_eq!(refused.code, "RE011");
    assert!(refused.detail.contains("not found or not initialized"));
    Ok(())
}

/// A batch of two that an executing parent waits for, and that is due to be sealed: parent, batch, its waitpoint.
async fn expiring(session: &Session) -> Result<(String, String, String)> {
    let parent = session.executing("parent").await?;
    let sql = "select batch_id, waitpoint_id from engine_create_batch(2, parent_run_id => $1, resume_parent => true, \
               expires_at => clock_timestamp())";
    let row = session.client.query_one(sql, &[&parent.run_id]).await?;
    Ok((parent.run_id, row.get(0), row.get(1)))
}

async fn expired(session: &Session) -> Result<i32> {
    let sql = "select processed from engine_tick() where kind = 'expired_batch'";
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

/// Has the tick abort a batch if it is not sealed.
async fn expire_again(session: &Session, batch: &str) -> Result<()> {
    let sql =
        "insert into engine.timer (shard, kind, id, due_at) values (0, 'EXPIRE_BATCH', $1, now())";
    session.client.execute(sql, &[&batch]).await?;
    assert_eq!(expired(session).await?, 1);
    Ok(())
}

#[tokio::test]
async fn b2_05_a_batch_that_is_not_sealed_in_time_is_aborted() -> Result<()> {
    let session = session().await?;
    let (parent, batch, waitpoint) = expiring(&session).await?;
    assert_eq!(expired(&session).await?, 1);
    let data = session.batch(&batch).await?;
    assert_eq!(data["status"], "ABORTED");
    assert!(data["completedAt"].is_string());
    let data = session.waitpoint(&waitpoint).await?;
    assert_eq!(
        (&data["status"], &data["outputIsError"]),
        (&json!("COMPLETED"), &json!(true))
    );
    assert!(
        data["output"]
            .as_str()
            .is_some_and(|text| text.contains("STRING_ERROR") && text.contains(&batch))
    );
    assert_eq!(session.edges(&parent).await?, 0);
    assert_eq!(session.execution_status(&parent).await?, "EXECUTING");
    session.check().await
}

#[tokio::test]
async fn b2_06_and_b_09_a_batch_that_is_sealed_in_time_stays_as_it_is() -> Result<()> {
    let session = session().await?;
    let (parent, batch, waitpoint) = expiring(&session).await?;
    add(&session, &batch, json!([item(0), item(1)])).await?;
    assert_eq!(expired(&session).await?, 1);
    assert_eq!(status(&session, &batch).await?, "PROCESSING");
    assert_eq!(session.waitpoint(&waitpoint).await?["status"], "PENDING");
    assert_eq!(session.edges(&parent).await?, 3);
    session.check().await
}

#[tokio::test]
async fn b2_07_and_b_10_a_batch_is_aborted_once() -> Result<()> {
    let session = session().await?;
    let (_, batch, waitpoint) = expiring(&session).await?;
    assert_eq!(expired(&session).await?, 1);
    let first = session.batch(&batch).await?["completedAt"].clone();
    expire_again(&session, &batch).await?;
    let data = session.batch(&batch).await?;
    assert_eq!(
        (&data["status"], &data["completedAt"]),
        (&json!("ABORTED"), &first)
    );
    assert_eq!(session.count("engine.waitpoint").await?, 1);
    assert_eq!(session.waitpoint(&waitpoint).await?["status"], "COMPLETED");
    session.check().await
}

#[tokio::test]
async fn b2_08_and_b_11_a_batch_that_was_aborted_by_halves_wakes_its_parent() -> Result<()> {
    let session = session().await?;
    let (parent, batch, waitpoint) = expiring(&session).await?;
    let halves = "delete from engine.timer; update engine.batch set status = 'ABORTED', completed_at = now()";
    session.client.batch_execute(halves).await?;
    expire_again(&session, &batch).await?;
    assert_eq!(session.waitpoint(&waitpoint).await?["outputIsError"], true);
    assert_eq!(session.edges(&parent).await?, 0);
    assert_eq!(session.execution_status(&parent).await?, "EXECUTING");
    session.check().await
}

#[tokio::test]
async fn b2_09_a_batch_that_nobody_waits_for_is_aborted_and_nothing_else_happens() -> Result<()> {
    let session = session().await?;
    let batch = create(&session, "2, expires_at => now()").await?;
    add(&session, &batch, json!([item(0)])).await?;
    assert_eq!(expired(&session).await?, 1);
    assert_eq!(status(&session, &batch).await?, "ABORTED");
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    assert_eq!(session.count("engine.queue_item").await?, 1);
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_10_of_two_streams_that_end_at_once_one_seals_the_batch() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for _ in 0..10 {
        let batch = create(&session, "20").await?;
        let mut streams = JoinSet::new();
        for stream in 0..2 {
            let (other, batch) = (Session::open(&database).await?, batch.clone());
            streams.spawn(async move {
                for index in 0..10 {
                    add(&other, &batch, json!([item(2 * index + stream)])).await?;
                }
                seal(&other, &batch).await
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

#[tokio::test]
async fn b2_11_a_batch_has_only_the_places_that_it_was_given() -> Result<()> {
    let session = session().await?;
    let batch = create(&session, "2").await?;
    for index in [2, -1] {
        let sql = format!("select engine_add_to_batch('{batch}', '[{}]')", item(index));
        let refused = session.refused(&sql).await?;
        assert_eq!(refused.code, "22023", "{index}");
        assert!(refused.message.contains("\"index\"") && refused.detail.starts_with("Element 0: "));
    }
    assert_eq!(session.count("engine.run").await?, 0);
    Ok(())
}

#[tokio::test]
async fn b2_12_a_sealed_batch_takes_no_more_items() -> Result<()> {
    let session = session().await?;
    let batch = create(&session, "").await?;
    add(&session, &batch, json!([item(0)])).await?;
    seal(&session, &batch).await?;
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
    let open = create(&session, "").await?;
    seal(&session, &open).await?;
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
    let batch = create(&session, "3").await?;
    add(&session, &batch, json!([item(0), item(2)])).await?;
    assert_eq!(
        seal(&session, &batch).await?,
        (false, "PENDING".to_owned(), 2)
    );
    let rows = add(&session, &batch, json!([item(0), item(1), item(2)])).await?;
    assert_eq!(enqueued(&rows), [false, true, false]);
    assert_eq!(
        seal(&session, &batch).await?,
        (true, "PROCESSING".to_owned(), 3)
    );
    session.check().await
}

#[tokio::test]
async fn bq_01_and_bq_04_what_a_batch_was_created_with_can_be_read() -> Result<()> {
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
    let batch = create(&session, &arguments).await?;
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

#[tokio::test]
async fn bq_02_and_bq_03_batches_count_their_own_items() -> Result<()> {
    let session = session().await?;
    let mut batches = Vec::new();
    for count in [5, 3, 7] {
        let batch = create(&session, "10").await?;
        add(&session, &batch, (0..count).map(item).collect()).await?;
        batches.push((batch, count));
    }
    for (batch, count) in batches {
        let data = session.batch(&batch).await?;
        assert_eq!(data["itemCount"], count);
        assert_eq!(data["runs"].as_array().map(Vec::len), Some(count as usize));
    }
    session.check().await
}

#[tokio::test]
async fn bq_07_an_item_that_cannot_be_triggered_does_not_spoil_its_neighbours() -> Result<()> {
    let session = session().await?;
    let batch = create(&session, "3").await?;
    let items = json!([item(0), {"task": "child", "index": 1, "max_attempts": 0}, item(2)]);
    let rows = add(&session, &batch, items).await?;
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
    assert_eq!(status(&session, &batch).await?, "COMPLETED");
    session.check().await
}

#[tokio::test]
async fn bq_19_an_item_for_a_full_queue_fails_at_once() -> Result<()> {
    let session = session().await?;
    let queue = "select engine_set_queue('q', max_size => 2)";
    session.client.batch_execute(queue).await?;
    session.trigger_with("'other', queue => 'q'").await?;
    let batch = create(&session, "3").await?;
    let item = json!({"task": "child", "queue": "q"});
    let rows = add(&session, &batch, json!([item, item, item])).await?;
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
    let batch = create(&session, &arguments).await?;
    add(&session, &batch, json!([{"task": "", "index": 0}, item(1)])).await?;
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

#[tokio::test]
async fn bq_08_and_bc_07_a_batch_of_which_nothing_could_be_triggered_is_aborted_for_good()
-> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "2, parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let batch = create(&session, &arguments).await?;
    let bad = json!([{"task": "t", "priority_ms": 1e18 as i64}, {"task": "t", "tags": [""]}]);
    add(&session, &batch, bad).await?;
    let data = session.batch(&batch).await?;
    assert_eq!(
        (&data["status"], &data["failedRunCount"]),
        (&json!("ABORTED"), &json!(2))
    );
    assert!(data["completedAt"].is_string());
    session.tick().await?;
    assert_eq!(status(&session, &batch).await?, "ABORTED");
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    let data = session.data(&parent.run_id).await?;
    let entries = data["completedWaitpoints"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry["outputIsError"] == true));
    session.check().await
}
