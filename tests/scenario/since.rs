//! The snapshots after a given one.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::Value;
use tokio_postgres::types::Json;

async fn since(
    session: &Session,
    run_id: &str,
    snapshot_id: &str,
    environment: Option<&str>,
) -> Result<Option<Vec<Value>>> {
    let sql = "select engine_snapshots_since($1, $2, $3)";
    let row = session
        .client
        .query_one(sql, &[&run_id, &snapshot_id, &environment])
        .await?;
    let answer: Option<Json<Value>> = row.get(0);
    answer
        .map(|json| json.0.as_array().cloned().context("no array"))
        .transpose()
}

fn statuses(snapshots: &[Value]) -> Vec<&str> {
    snapshots
        .iter()
        .filter_map(|snapshot| snapshot["snapshot"]["executionStatus"].as_str())
        .collect()
}

fn waitpoints(snapshot: &Value) -> Vec<(Option<i64>, &str)> {
    let entries = snapshot["completedWaitpoints"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            (
                entry["index"].as_i64(),
                entry["id"].as_str().unwrap_or_default(),
            )
        })
        .collect()
}

/// Writes waitpoint `w` and a queued run whose snapshot has it, in this order.
async fn carrying(session: &Session, order: &str) -> Result<String> {
    let waitpoint = "insert into engine.waitpoint (shard, id, type, status, environment_id, idempotency_key, output, created_at) \
                     values (0, 'w', 'MANUAL', 'COMPLETED', 'default', 'k', '{}', now())";
    session.client.batch_execute(waitpoint).await?;
    let run = session.trigger("test").await?;
    let sql = format!(
        "update engine.snapshot set completed_waitpoint_ids = '{{w}}', completed_waitpoint_order = '{order}'; \
         update engine.run_state set completed_waitpoint_ids = '{{w}}', completed_waitpoint_order = '{order}'"
    );
    session.client.batch_execute(&sql).await?;
    session.dequeue().await?.context("nothing is queued")?;
    Ok(run.run_id)
}

/// Spec: SS-1.
#[tokio::test]
async fn after_the_newest_snapshot_there_is_nothing() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    assert_eq!(
        since(&session, &held.run_id, &held.snapshot_id, None).await?,
        Some(vec![])
    );
    Ok(())
}

/// Spec: SS-2.
#[tokio::test]
async fn snapshots_come_oldest_first() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    session.take().await?;
    let snapshots = since(
        &session,
        &run.run_id,
        &format!("snapshot_{}", run.snapshot_id),
        None,
    )
    .await?;
    assert_eq!(
        statuses(&snapshots.context("null")?),
        ["PENDING_EXECUTING", "EXECUTING"]
    );
    Ok(())
}

/// Spec: SS-10.
#[tokio::test]
async fn a_waitpoint_that_stands_twice_in_the_order_comes_twice_and_only_with_the_newest()
-> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run_id = carrying(&session, "{w,w}").await?;
    let sql = "select id from engine.history order by ordinal limit 1";
    let first: String = session.client.query_one(sql, &[]).await?.get(0);
    let snapshots = since(&session, &run_id, &first, None)
        .await?
        .context("null")?;
    assert_eq!(snapshots.len(), 1);
    assert_eq!(waitpoints(&snapshots[0]), [(Some(0), "w"), (Some(1), "w")]);
    let dequeued = snapshots[0]["snapshot"]["id"]
        .as_str()
        .context("no id")?
        .to_owned();
    session
        .start(&engine_harness::Held {
            run_id: run_id.clone(),
            snapshot_id: dequeued,
        })
        .await?;
    let snapshots = since(&session, &run_id, &first, None)
        .await?
        .context("null")?;
    assert_eq!(waitpoints(&snapshots[0]), []);
    assert_eq!(waitpoints(&snapshots[1]).len(), 2);
    Ok(())
}

/// Spec: SS-11.
#[tokio::test]
async fn a_waitpoint_without_a_position_comes_without_an_index() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run_id = carrying(&session, "{}").await?;
    let data = session.data(&run_id).await?;
    assert_eq!(waitpoints(&data), [(None, "w")]);
    assert!(
        data["completedWaitpoints"][0]
            .get("idempotencyKey")
            .is_none(),
        "not given by a user"
    );
    Ok(())
}

/// Spec: SS-N1.
#[tokio::test]
async fn of_many_snapshots_the_newest_fifty_come() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.broken_on_purpose().await?;
    let run = session.trigger("test").await?;
    let more = "insert into engine.snapshot (shard, run_id, ordinal, id, transition, execution_status, run_status, position, horizon, description, created_at) \
                select shard, run_id, n, 'z' || lpad(n::text, 3, '0'), 'REQUEUED', 'QUEUED', 'PENDING', nextval('engine.event_position'), 0, 'more', now() \
                from engine.snapshot cross join generate_series(2, 61) as n";
    session.client.batch_execute(more).await?;
    let snapshots = since(&session, &run.run_id, &run.snapshot_id, None)
        .await?
        .context("null")?;
    assert_eq!(snapshots.len(), 50);
    assert_eq!(snapshots[0]["snapshot"]["id"], "z012");
    assert_eq!(snapshots[49]["snapshot"]["id"], "z061");
    Ok(())
}

/// Spec: SS-N2.
#[tokio::test]
async fn invalid_snapshots_do_not_come_but_may_be_asked_from() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    let invalid = "insert into engine.snapshot (shard, run_id, ordinal, id, transition, execution_status, run_status, position, horizon, description, error, is_valid, created_at) \
                   select shard, run_id, 2, 'invalid', 'REFUSED', 'QUEUED', 'PENDING', nextval('engine.event_position'), 0, 'invalid', 'broken', false, now() from engine.snapshot";
    session.client.batch_execute(invalid).await?;
    assert_eq!(
        since(&session, &run.run_id, &run.snapshot_id, None).await?,
        Some(vec![])
    );
    assert_eq!(
        since(&session, &run.run_id, "invalid", None).await?,
        Some(vec![])
    );
    assert_eq!(
        session.data(&run.run_id).await?["snapshot"]["id"],
        run.snapshot_id.as_str()
    );
    Ok(())
}

/// Spec: SS-N3.
#[tokio::test]
async fn another_environment_and_another_run_see_nothing() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, other) = (
        session.trigger("test").await?,
        session.trigger("test").await?,
    );
    assert_eq!(
        since(&session, &run.run_id, &run.snapshot_id, Some("foreign")).await?,
        None
    );
    assert_eq!(
        since(&session, &run.run_id, &run.snapshot_id, Some("default")).await?,
        Some(vec![])
    );
    assert_eq!(
        since(&session, &run.run_id, &other.snapshot_id, None).await?,
        None
    );
    let row = session
        .client
        .query_one(
            "select engine_execution_data($1, 'foreign')",
            &[&run.run_id],
        )
        .await?;
    assert!(row.get::<_, Option<Json<Value>>>(0).is_none());
    Ok(())
}
