//! Parents and batches whose triggers find an existing run, or make one that does not start at once: whatever options a
//! child has, its parent waits for the run that its trigger returned.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

const WAITS: &str = "EXECUTING_WITH_WAITPOINTS";

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Triggers a child for which `parent` waits; returns its run, and whether it existed.
async fn child(session: &Session, parent: &Held, more: &str) -> Result<(String, bool)> {
    let sql = format!(
        "select run_id, is_cached from engine_trigger('child', parent_run_id => '{}', resume_parent => true{more})",
        parent.run_id
    );
    let row = session.client.query_one(&sql, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

/// Executes the next child.
async fn succeed(session: &Session, run_id: &str) -> Result<()> {
    let held = session.take().await?;
    assert_eq!(held.run_id, run_id);
    session
        .complete(&held, json!({"ok": true, "output": "1"}))
        .await?;
    Ok(())
}

/// The completed waitpoints with which a run continues.
async fn completed(session: &Session, run_id: &str) -> Result<Vec<Value>> {
    let data = session.data(run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
    let completed = data["completedWaitpoints"].as_array();
    Ok(completed.context("no array")?.clone())
}

async fn waits_for(session: &Session, parent: &Held, run_id: &str) -> Result<()> {
    assert_eq!(session.execution_status(&parent.run_id).await?, WAITS);
    let edge = format!(
        "engine.edge as e join engine.waitpoint as w on w.id = e.waitpoint_id \
         where e.run_id = '{}' and w.completed_by_run_id = '{run_id}'",
        parent.run_id
    );
    assert_eq!(session.count(&edge).await?, 1);
    session.check().await
}

async fn add(session: &Session, batch: &str, items: Value) -> Result<Vec<String>> {
    let sql = "select run_id from engine_add_to_batch($1, $2)";
    let rows = session.client.query(sql, &[&batch, &Json(items)]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn batch_of(session: &Session, parent: &Held, count: i32) -> Result<String> {
    let sql =
        "select batch_id from engine_create_batch($1, parent_run_id => $2, resume_parent => true)";
    let row = session
        .client
        .query_one(sql, &[&count, &parent.run_id])
        .await?;
    Ok(row.get(0))
}

/// Spec: T-03.
#[tokio::test]
async fn two_parents_that_say_one_idempotency_key_wait_for_one_child() -> Result<()> {
    let session = session().await?;
    let first = session.executing("parent").await?;
    let second = session.executing("parent").await?;
    let key = ", idempotency_key => 'a-key'";
    let (run, is_cached) = child(&session, &first, key).await?;
    assert!(!is_cached);
    assert_eq!(child(&session, &second, key).await?, (run.clone(), true));
    for parent in [&first, &second] {
        waits_for(&session, parent, &run).await?;
    }
    succeed(&session, &run).await?;
    for parent in [&first, &second] {
        let completed = completed(&session, &parent.run_id).await?;
        assert_eq!(completed.len(), 1);
        assert_eq!(completed[0]["completedByTaskRun"]["id"], run.as_str());
        assert_eq!(completed[0]["output"], "1");
    }
    session.check().await
}

#[tokio::test]
async fn a_parent_that_finds_a_run_without_a_parent_waits_for_it() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let lone = session
        .trigger_with("'child', idempotency_key => 'k'")
        .await?;
    let found = child(&session, &parent, ", idempotency_key => 'k'").await?;
    assert_eq!(found, (lone.run_id.clone(), true));
    waits_for(&session, &parent, &lone.run_id).await?;
    succeed(&session, &lone.run_id).await?;
    assert_eq!(completed(&session, &parent.run_id).await?.len(), 1);
    session.check().await
}

#[tokio::test]
async fn a_parent_that_finds_a_run_that_has_ended_continues_with_the_next_tick() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let key = "'child', idempotency_key => 'k'";
    let lone = session.trigger_with(key).await?;
    succeed(&session, &lone.run_id).await?;
    let found = child(&session, &parent, ", idempotency_key => 'k'").await?;
    assert_eq!(found, (lone.run_id.clone(), true));
    waits_for(&session, &parent, &lone.run_id).await?;
    assert_eq!(session.tick_of("continuation").await?, 1);
    let completed = completed(&session, &parent.run_id).await?;
    assert_eq!(completed[0]["output"], "1");
    session.check().await
}

#[tokio::test]
async fn a_key_that_is_said_twice_in_one_call_makes_one_child_for_both_parents() -> Result<()> {
    let session = session().await?;
    let first = session.executing("parent").await?;
    let second = session.executing("parent").await?;
    let new = |parent: &Held| json!({"task": "child", "idempotency_key": "k", "parent_run_id": parent.run_id, "resume_parent": true});
    let sql = "select run_id from engine_trigger_many($1)";
    let runs = Json(json!([new(&first), new(&second)]));
    let rows = session.client.query(sql, &[&runs]).await?;
    let run: String = rows[0].get(0);
    assert_eq!(run, rows[1].get::<_, String>(0));
    for parent in [&first, &second] {
        waits_for(&session, parent, &run).await?;
    }
    succeed(&session, &run).await?;
    for parent in [&first, &second] {
        assert_eq!(completed(&session, &parent.run_id).await?.len(), 1);
    }
    session.check().await
}

/// Spec: DB-10.
#[tokio::test]
async fn a_parent_waits_for_the_run_that_its_second_trigger_postpones() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let debounce = r#", debounce => '{"key": "k", "delay": "5s"}'"#;
    let (run, is_cached) = child(&session, &parent, debounce).await?;
    assert!(!is_cached);
    waits_for(&session, &parent, &run).await?;
    assert_eq!(session.execution_status(&run).await?, "DELAYED");
    let again = child(&session, &parent, debounce).await?;
    assert_eq!(again, (run.clone(), true));
    waits_for(&session, &parent, &run).await?;
    assert_eq!(session.count("engine.run where task = 'child'").await?, 1);
    session.bring_on(&run).await?;
    assert_eq!(session.tick_of("ended_delay").await?, 1);
    succeed(&session, &run).await?;
    assert_eq!(completed(&session, &parent.run_id).await?.len(), 1);
    session.check().await
}

/// Spec: DB-11, L-11.
#[tokio::test]
async fn parents_wait_for_one_debounced_run_which_may_have_no_parent() -> Result<()> {
    let session = session().await?;
    let first = session.executing("parent").await?;
    let second = session.executing("parent").await?;
    let debounce = r#"debounce => '{"key": "k", "delay": "5s"}'"#;
    let lone = session
        .trigger_with(&format!("'child', {debounce}"))
        .await?;
    let waitpoint = format!(
        "engine.waitpoint where completed_by_run_id = '{}'",
        lone.run_id
    );
    assert_eq!(session.count(&waitpoint).await?, 0);
    for parent in [&first, &second] {
        let found = child(&session, parent, &format!(", {debounce}")).await?;
        assert_eq!(found, (lone.run_id.clone(), true));
        waits_for(&session, parent, &lone.run_id).await?;
    }
    assert_eq!(session.count(&waitpoint).await?, 1);
    session.bring_on(&lone.run_id).await?;
    session.tick().await?;
    succeed(&session, &lone.run_id).await?;
    for parent in [&first, &second] {
        assert_eq!(completed(&session, &parent.run_id).await?.len(), 1);
    }
    session.check().await
}

#[tokio::test]
async fn a_parent_waits_for_a_child_that_waits_for_its_time() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let later = ", delay_until => now() + interval '1 hour'";
    let (run, _) = child(&session, &parent, later).await?;
    waits_for(&session, &parent, &run).await?;
    session.bring_on(&run).await?;
    session.tick().await?;
    succeed(&session, &run).await?;
    assert_eq!(completed(&session, &parent.run_id).await?.len(), 1);
    session.check().await
}

#[tokio::test]
async fn a_child_that_is_cancelled_before_its_time_wakes_its_parent() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let later = ", delay_until => now() + interval '1 hour'";
    let (run, _) = child(&session, &parent, later).await?;
    let cancel = "select * from engine_cancel($1, 'no longer wanted')";
    session.client.query(cancel, &[&run]).await?;
    let completed = completed(&session, &parent.run_id).await?;
    assert_eq!(completed[0]["outputIsError"], true);
    let output = completed[0]["output"].as_str().context("no output")?;
    assert!(output.contains("no longer wanted"), "{output}");
    session.check().await
}

/// Spec: TT-1.
#[tokio::test]
async fn a_child_that_expires_wakes_its_parent_with_its_error() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let (run, _) = child(&session, &parent, ", ttl => '1s'").await?;
    session.outlive(&run).await?;
    assert_eq!(session.tick_of("expired_run").await?, 1);
    let completed = completed(&session, &parent.run_id).await?;
    assert_eq!(completed[0]["outputIsError"], true);
    let output = completed[0]["output"].as_str().context("no output")?;
    assert!(output.contains("TTL") && output.contains("1s"), "{output}");
    session.check().await
}

/// Spec: TT-18.
#[tokio::test]
async fn a_batch_of_which_a_run_expires_ends() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let batch = batch_of(&session, &parent, 2).await?;
    let items = json!([{"task": "child"}, {"task": "child", "ttl": "1s"}]);
    let runs = add(&session, &batch, items).await?;
    session.outlive(&runs[1]).await?;
    assert_eq!(session.tick_of("expired_run").await?, 1);
    assert_eq!(session.execution_status(&parent.run_id).await?, WAITS);
    succeed(&session, &runs[0]).await?;
    assert_eq!(session.batch(&batch).await?["status"], "COMPLETED");
    let completed = completed(&session, &parent.run_id).await?;
    let errors = completed.iter().filter(|one| one["outputIsError"] == true);
    assert_eq!((completed.len(), errors.count()), (3, 1));
    session.check().await
}

/// Spec: B-19.
#[tokio::test]
async fn an_item_that_repeats_a_key_is_the_run_that_has_it_in_every_place() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let lone = session
        .trigger_with("'child', idempotency_key => 'k'")
        .await?;
    let batch = batch_of(&session, &parent, 3).await?;
    let keyed = json!({"task": "child", "idempotency_key": "k"});
    let runs = add(&session, &batch, json!([keyed, {"task": "child"}, keyed])).await?;
    assert_eq!((&runs[0], &runs[2]), (&lone.run_id, &lone.run_id));
    assert_ne!(runs[1], lone.run_id);
    assert_eq!(session.edges(&parent.run_id).await?, 4);
    session.check().await?;
    let linked = format!(
        "engine.run where batch_id is not null and id <> '{}'",
        runs[1]
    );
    assert_eq!(
        session.count(&linked).await?,
        0,
        "the run still has no parent"
    );
    for run in [&lone.run_id, &runs[1]] {
        succeed(&session, run).await?;
    }
    let data = session.batch(&batch).await?;
    assert_eq!(
        (
            &data["status"],
            &data["successfulRunCount"],
            data["runs"].as_array().map(Vec::len)
        ),
        (&json!("COMPLETED"), &json!(3), Some(3))
    );
    let places: Vec<Value> = completed(&session, &parent.run_id)
        .await?
        .into_iter()
        .filter(|one| one["completedByTaskRun"]["id"] == lone.run_id.as_str())
        .map(|one| one["index"].clone())
        .collect();
    assert_eq!(places, [json!(0), json!(2)]);
    session.check().await
}

#[tokio::test]
async fn items_are_delayed_and_debounced_as_other_triggers() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let batch = batch_of(&session, &parent, 3).await?;
    let debounced = json!({"task": "child", "debounce": {"key": "k", "delay": "5s"}});
    let items =
        json!([{"task": "child", "delay_until": "2999-01-01T00:00:00Z"}, debounced, debounced]);
    let runs = add(&session, &batch, items).await?;
    assert_eq!(runs[1], runs[2]);
    for run in &runs {
        assert_eq!(session.execution_status(run).await?, "DELAYED");
    }
    session.check().await?;
    for run in &runs[..2] {
        session.bring_on(run).await?;
        session.tick().await?;
        succeed(&session, run).await?;
    }
    assert_eq!(session.batch(&batch).await?["status"], "COMPLETED");
    assert_eq!(completed(&session, &parent.run_id).await?.len(), 4);
    session.check().await
}

#[tokio::test]
async fn a_token_that_was_used_refuses_the_items_that_come_with_it() -> Result<()> {
    let session = session().await?;
    session
        .trigger_with("'child', one_time_use_token => 'once'")
        .await?;
    let sql = "select batch_id from engine_create_batch(2)";
    let batch: String = session.client.query_one(sql, &[]).await?.get(0);
    let refused = session
        .refused(&format!(
            "select engine_add_to_batch('{batch}', '[{{\"task\": \"a\"}}, {{\"task\": \"b\", \"one_time_use_token\": \"once\"}}]')"
        ))
        .await?;
    assert_eq!(refused.code, "RE009");
    assert!(refused.detail.starts_with("Element 1:"), "{refused:?}");
    assert_eq!(session.batch(&batch).await?["itemCount"], 0);
    session.check().await
}
