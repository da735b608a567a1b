//! Batches, and parents that wait for them.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Creates a batch of `run_count` runs that an executing parent waits for.
async fn awaited(session: &Session, parent: &Held, run_count: i32) -> Result<String> {
    let arguments = format!(
        "{run_count}, parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    session.create_batch(&arguments).await
}

/// Triggers a child that joins a batch.
async fn join(session: &Session, parent: &Held, batch: &str) -> Result<Held> {
    let arguments = format!(
        "'child', parent_run_id => '{}', resume_parent => true, batch_id => '{batch}'",
        parent.run_id
    );
    session.trigger_with(&arguments).await
}

async fn succeed(session: &Session, output: &str) -> Result<()> {
    let held = session.take().await?;
    let completion = json!({"ok": true, "output": output});
    session.complete(&held, completion).await.map(drop)
}

/// The completed waitpoints of a run's latest snapshot.
async fn completed(session: &Session, run_id: &str) -> Result<Vec<Value>> {
    let data = session.data(run_id).await?;
    Ok(data["completedWaitpoints"]
        .as_array()
        .context("no array")?
        .clone())
}

/// Spec: B-01, BW-01.
#[tokio::test]
async fn a_parent_waits_for_a_batch_of_two() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let batch = awaited(&session, &parent, 2).await?;
    assert_eq!(
        session.execution_status(&parent.run_id).await?,
        "EXECUTING_WITH_WAITPOINTS"
    );
    let first = join(&session, &parent, &batch).await?;
    let second = join(&session, &parent, &batch).await?;
    assert_eq!(
        session.execution_status(&parent.run_id).await?,
        "EXECUTING_WITH_WAITPOINTS"
    );
    let sql = "select w.type::text, e.batch_index, e.batch_id, w.completed_by_run_id, w.completed_by_batch_id \
               from engine.edge as e join engine.waitpoint as w on w.id = e.waitpoint_id order by e.batch_index";
    let rows = session.client.query(sql, &[]).await?;
    let edges: Vec<(&str, i32, Option<&str>)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let of = Some(batch.as_str());
    assert_eq!(edges, [("BATCH", -1, of), ("RUN", 0, of), ("RUN", 1, of)]);
    assert_eq!(rows[0].get::<_, Option<&str>>(4), of);
    assert_eq!(
        rows[1].get::<_, Option<&str>>(3),
        Some(first.run_id.as_str())
    );
    assert_eq!(
        rows[2].get::<_, Option<&str>>(3),
        Some(second.run_id.as_str())
    );
    session.check().await?;

    succeed(&session, "{\"foo\":\"bar\"}").await?;
    assert_eq!(session.edges(&parent.run_id).await?, 3);
    let data = session.data(&parent.run_id).await?;
    assert_eq!(
        data["snapshot"]["executionStatus"],
        "EXECUTING_WITH_WAITPOINTS"
    );
    assert_eq!(data["batch"]["id"], batch.as_str());
    assert_eq!(data["completedWaitpoints"], json!([]));

    succeed(&session, "{\"baz\":\"qux\"}").await?;
    assert_eq!(session.edges(&parent.run_id).await?, 0);
    let data = session.data(&parent.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
    assert_eq!(data["batch"]["id"], batch.as_str());
    let entries = completed(&session, &parent.run_id).await?;
    assert_eq!(entries.len(), 3);
    for (entry, (child, output)) in entries.iter().zip([
        (&first, "{\"foo\":\"bar\"}"),
        (&second, "{\"baz\":\"qux\"}"),
    ]) {
        assert_eq!(entry["completedByTaskRun"]["id"], child.run_id.as_str());
        assert_eq!(entry["completedByTaskRun"]["batch"]["id"], batch.as_str());
        assert_eq!(entry["output"], output);
    }
    assert_eq!(
        (&entries[0]["index"], &entries[1]["index"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(entries[2]["completedByBatch"]["id"], batch.as_str());
    assert_eq!(entries[2].get("index"), None);
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    session.check().await
}

/// Spec: B-02, BW-02.
#[tokio::test]
async fn a_later_wait_knows_no_batch() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let batch = awaited(&session, &parent, 1).await?;
    join(&session, &parent, &batch).await?;
    succeed(&session, "1").await?;
    let data = session.data(&parent.run_id).await?;
    assert_eq!(data["batch"]["id"], batch.as_str());
    assert_eq!(completed(&session, &parent.run_id).await?.len(), 2);
    assert_eq!(session.edges(&parent.run_id).await?, 0);
    let arguments = format!(
        "'child', parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    session.trigger_with(&arguments).await?;
    let data = session.data(&parent.run_id).await?;
    assert_eq!(
        data["snapshot"]["executionStatus"],
        "EXECUTING_WITH_WAITPOINTS"
    );
    assert_eq!(data.get("batch"), None);
    session.check().await
}

/// Spec: B-03, BW-03.
#[tokio::test]
async fn a_batch_in_two_phases_wakes_its_parent() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let batch = awaited(&session, &parent, 2).await?;
    let items = "[{\"task\": \"child\", \"index\": 0}, {\"task\": \"child\", \"index\": 1}]";
    let sql = format!("select * from engine_add_to_batch('{batch}', '{items}')");
    session.client.query(&sql, &[]).await?;
    let data = session.batch(&batch).await?;
    assert_eq!(
        (&data["status"], &data["sealed"], &data["runCount"]),
        (&json!("PROCESSING"), &json!(true), &json!(2))
    );
    assert_eq!(
        (
            &data["successfulRunCount"],
            &data["failedRunCount"],
            &data["failures"]
        ),
        (&json!(2), &json!(0), &json!([]))
    );
    assert_eq!(
        session.execution_status(&parent.run_id).await?,
        "EXECUTING_WITH_WAITPOINTS"
    );
    succeed(&session, "1").await?;
    succeed(&session, "2").await?;
    assert_eq!(session.edges(&parent.run_id).await?, 0);
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    assert_eq!(completed(&session, &parent.run_id).await?.len(), 3);
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    session.check().await
}

/// Spec: B-13, BT-01.
#[tokio::test]
async fn a_batch_without_a_waiting_parent_ends_with_its_last_run() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("2").await?;
    for _ in 0..2 {
        session
            .trigger_with(&format!("'child', batch_id => 'batch_{batch}'"))
            .await?;
    }
    let members = format!("engine.run where batch_id = '{batch}'");
    assert_eq!(session.count(&members).await?, 2);
    assert_eq!(session.count("engine.queue_item").await?, 2);
    succeed(&session, "1").await?;
    assert_eq!(session.batch_status(&batch).await?, "PENDING");
    succeed(&session, "2").await?;
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    assert_eq!(session.count("engine.waitpoint").await?, 0);
    session.check().await
}

/// Spec: B-14, BT-02.
#[tokio::test]
async fn a_run_that_could_not_be_triggered_counts_as_ended() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("2").await?;
    session
        .trigger_with(&format!("'child', batch_id => '{batch}'"))
        .await?;
    let run = json!({"task": "child", "batch_id": batch});
    let error = json!({"type": "STRING_ERROR", "raw": "no"});
    let sql = format!("select run_status from engine_create_failed_run('{run}', '{error}')");
    let failed: String = session.client.query_one(&sql, &[]).await?.get(0);
    assert_eq!(failed, "SYSTEM_FAILURE");
    assert_eq!(session.count("engine.queue_item").await?, 1);
    succeed(&session, "1").await?;
    assert_eq!(session.batch_status(&batch).await?, "COMPLETED");
    let statuses = format!(
        "select s.run_status::text from engine.run_state as s join engine.run as r on r.id = s.run_id \
         where r.batch_id = '{batch}' order by 1"
    );
    let rows = session.client.query(&statuses, &[]).await?;
    let statuses: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(statuses, ["COMPLETED_SUCCESSFULLY", "SYSTEM_FAILURE"]);
    session.check().await
}

/// Spec: B-17.
#[tokio::test]
async fn a_batch_has_one_waitpoint_however_often_it_is_created() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "2, parent_run_id => '{}', resume_parent => true, idempotency_key => 'k'",
        parent.run_id
    );
    let sql =
        format!("select batch_id, is_cached, waitpoint_id from engine_create_batch({arguments})");
    let first = session.client.query_one(&sql, &[]).await?;
    let second = session.client.query_one(&sql, &[]).await?;
    assert_eq!(first.get::<_, &str>(0), second.get::<_, &str>(0));
    assert_eq!(first.get::<_, &str>(2), second.get::<_, &str>(2));
    assert_eq!(
        (first.get::<_, bool>(1), second.get::<_, bool>(1)),
        (false, true)
    );
    assert_eq!(session.edges(&parent.run_id).await?, 1);
    let own = format!(
        "engine.waitpoint where type = 'BATCH' and completed_by_batch_id = '{}'",
        first.get::<_, &str>(0)
    );
    assert_eq!(session.count(&own).await?, 1);
    assert_eq!(session.count("engine.batch").await?, 1);
    session.check().await
}

#[tokio::test]
async fn a_parent_that_is_tried_again_waits_for_all_of_its_batch_again() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "2, parent_run_id => '{}', resume_parent => true, idempotency_key => 'k'",
        parent.run_id
    );
    let batch = session.create_batch(&arguments).await?;
    let items = "[{\"task\": \"child\", \"index\": 0}, {\"task\": \"child\", \"index\": 1}]";
    let add = format!("select run_id, enqueued from engine_add_to_batch('{batch}', '{items}')");
    session.client.query(&add, &[]).await?;
    let children = session.dequeue_many(2).await?;
    // The parent's worker dies; meanwhile one child ends.
    session.lapse(&parent.run_id).await?;
    session.tick().await?;
    assert_eq!(session.edges(&parent.run_id).await?, 0);
    let first = session.start(&children[0]).await?;
    session
        .complete(&first, json!({"ok": true, "output": "1"}))
        .await?;
    session.make_due(&parent.run_id).await?;
    let parent = session.take().await?;
    assert_eq!(session.create_batch(&arguments).await?, batch);
    assert_eq!(session.edges(&parent.run_id).await?, 3);
    let rows = session.client.query(&add, &[]).await?;
    assert!(rows.iter().all(|row| !row.get::<_, bool>(1)));
    assert_eq!(session.count("engine.run").await?, 3);
    session.check().await?;
    let second = session.start(&children[1]).await?;
    session
        .complete(&second, json!({"ok": true, "output": "2"}))
        .await?;
    let entries = completed(&session, &parent.run_id).await?;
    let outputs: Vec<&Value> = entries.iter().map(|entry| &entry["output"]).collect();
    assert_eq!(outputs, ["1", "2", "Batch waitpoint completed"]);
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    // Again, after everything has ended: the batch and its runs are completed already.
    session.lapse(&parent.run_id).await?;
    session.tick().await?;
    session.make_due(&parent.run_id).await?;
    let parent = session.take().await?;
    session.create_batch(&arguments).await?;
    session.tick().await?;
    assert_eq!(completed(&session, &parent.run_id).await?.len(), 3);
    session.check().await
}

/// Spec: B-18.
#[tokio::test]
async fn a_run_that_could_not_be_triggered_has_one_event() -> Result<()> {
    let session = session().await?;
    let batch = session.create_batch("2").await?;
    for emit in ["true", "false"] {
        let run = json!({"task": "child", "batch_id": batch, "trace_context": {"spanId": "s"}});
        let sql = format!(
            "select * from engine_create_failed_run('{run}', '{{\"type\": \"STRING_ERROR\", \"raw\": \"no\"}}', {emit})"
        );
        session.client.query(&sql, &[]).await?;
    }
    let sql = "select body #>> '{run,status}', body #>> '{run,spanId}', body #>> '{run,attemptNumber}', \
                body #>> '{run,usageDurationMs}', body #>> '{run,error,raw}' from engine.event where name = 'runFailed'";
    let rows = session.client.query(sql, &[]).await?;
    assert_eq!(rows.len(), 1);
    for (column, expected) in ["SYSTEM_FAILURE", "s", "0", "0", "no"].iter().enumerate() {
        assert_eq!(rows[0].get::<_, &str>(column), *expected);
    }
    assert_eq!(session.count("engine.run").await?, 2);
    Ok(())
}

/// Spec: B-19.
#[tokio::test]
async fn a_child_that_stands_twice_in_a_batch_comes_twice() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let mut children = Vec::new();
    for _ in 0..2 {
        children.push(session.executing("child").await?);
    }
    let mut waitpoints = Vec::new();
    for child in [&children[0], &children[1], &children[0]] {
        let sql = "select waitpoint_id from engine_run_waitpoint($1)";
        let row = session.client.query_one(sql, &[&child.run_id]).await?;
        waitpoints.push(row.get::<_, String>(0));
    }
    let batch = session.create_batch("").await?;
    let sql = "select pending_count from engine_block($1, $2, $4, $3)";
    session
        .client
        .query_one(sql, &[&parent.run_id, &waitpoints, &vec![0, 1, 2], &batch])
        .await?;
    assert_eq!(session.edges(&parent.run_id).await?, 3);
    for child in &children {
        session
            .complete(child, json!({"ok": true, "output": "1"}))
            .await?;
    }
    let entries = completed(&session, &parent.run_id).await?;
    let entries: Vec<(&Value, &Value)> = entries
        .iter()
        .map(|entry| (&entry["index"], &entry["id"]))
        .collect();
    let expected: Vec<(Value, Value)> = waitpoints
        .iter()
        .enumerate()
        .map(|(index, id)| (json!(index), json!(id)))
        .collect();
    assert_eq!(
        entries,
        expected
            .iter()
            .map(|(index, id)| (index, id))
            .collect::<Vec<_>>()
    );
    let sql = "select cardinality(completed_waitpoint_ids) from engine.snapshot order by ordinal desc limit 1";
    let sql = format!("select n from ({sql}) as s(n)");
    assert_eq!(
        session.client.query_one(&sql, &[]).await?.get::<_, i32>(0),
        2
    );
    Ok(())
}
