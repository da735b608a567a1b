//! The snapshots of a run that waits for much.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

async fn since(session: &Session, run_id: &str, snapshot_id: &str) -> Result<Option<Vec<Value>>> {
    let sql = "select engine_snapshots_since($1, $2)";
    let row = session
        .client
        .query_one(sql, &[&run_id, &snapshot_id])
        .await?;
    let answer: Option<Json<Vec<Value>>> = row.get(0);
    Ok(answer.map(|json| json.0))
}

/// Number of completed waitpoints in each of these snapshots.
fn lengths(snapshots: &[Value]) -> Vec<usize> {
    snapshots
        .iter()
        .map(|snapshot| {
            let entries = snapshot["completedWaitpoints"].as_array();
            entries.map_or(usize::MAX, Vec::len)
        })
        .collect()
}

/// The ids of all snapshots of a run.
async fn history(session: &Session, run_id: &str) -> Result<Vec<String>> {
    let sql = "select id from engine.history where run_id = $1 order by ordinal";
    let rows = session.client.query(sql, &[&run_id]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Makes an executing run wait for `count` tokens at once, each with its own index, and completes them with `bytes` of
/// output each.
async fn wait_for(session: &Session, held: &Held, count: i32, bytes: i32) -> Result<()> {
    let sql = "select array_agg(w.waitpoint_id) from generate_series(1, $1) as n, \
               lateral (select * from engine_create_manual_waitpoint(tags => array[n::text])) as w";
    let tokens: Vec<String> = session.client.query_one(sql, &[&count]).await?.get(0);
    let indexes: Vec<i32> = (0..count).collect();
    let sql = "select pending_count from engine_block($1, $2, batch_indexes => $3)";
    let row = session
        .client
        .query_one(sql, &[&held.run_id, &tokens, &indexes])
        .await?;
    assert_eq!(row.get::<_, i32>(0), count);
    // Outputs that do not compress, so that they are stored like those of real runs.
    let sql = "select count(c.status) from unnest($1::text[]) with ordinality as t(id, n), \
               lateral (select string_agg(md5(t.n || '/' || i), '') as text from generate_series(1, $2 / 32) as i) as o, \
               lateral engine_complete_waitpoint(t.id, to_json(o.text)::text) as c";
    let row = session.client.query_one(sql, &[&tokens, &bytes]).await?;
    assert_eq!(row.get::<_, i64>(0), i64::from(count));
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    Ok(())
}

/// Spec: G-01, G-02, G-03.
#[tokio::test]
async fn a_snapshot_of_another_run_is_none() -> Result<()> {
    let session = session().await?;
    let (held, other) = (
        session.executing("test").await?,
        session.executing("test").await?,
    );
    assert_eq!(
        since(&session, &held.run_id, &held.snapshot_id).await?,
        Some(vec![])
    );
    for (run, snapshot) in [
        (held.run_id.as_str(), "unknown"),
        (&held.run_id, &other.snapshot_id),
        ("bogus", "bogus"),
    ] {
        assert_eq!(since(&session, run, snapshot).await?, None);
    }
    Ok(())
}

/// Spec: G-04, SS-3.
#[tokio::test]
async fn only_the_newest_snapshot_brings_waitpoints() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    wait_for(&session, &held, 5, 32).await?;
    wait_for(&session, &held, 3, 32).await?;
    let ids = history(&session, &held.run_id).await?;
    let snapshots = since(&session, &held.run_id, &ids[0])
        .await?
        .context("null")?;
    assert_eq!(lengths(&snapshots), [0, 0, 0, 0, 0, 3]);
    let ordinals: Vec<&Value> = snapshots
        .iter()
        .map(|snapshot| &snapshot["snapshot"]["id"])
        .collect();
    assert_eq!(ordinals, ids[1..].iter().collect::<Vec<_>>());
    Ok(())
}

/// Spec: G-05, SS-7.
#[tokio::test]
async fn a_hundred_waitpoints_come_once() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    for _ in 0..2 {
        wait_for(&session, &held, 1, 32).await?;
    }
    wait_for(&session, &held, 100, 10_240).await?;
    let ids = history(&session, &held.run_id).await?;
    assert_eq!(ids.len(), 9);
    let snapshots = since(&session, &held.run_id, &ids[2])
        .await?
        .context("null")?;
    assert_eq!(lengths(&snapshots), [0, 0, 0, 0, 0, 100]);
    Ok(())
}

/// Spec: G-06.
#[tokio::test]
async fn many_large_waitpoints_come_once() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    for _ in 0..10 {
        wait_for(&session, &held, 1, 32).await?;
    }
    wait_for(&session, &held, 236, 102_400).await?;
    let ids = history(&session, &held.run_id).await?;
    assert_eq!(ids.len(), 25);
    let snapshots = since(&session, &held.run_id, &ids[6])
        .await?
        .context("null")?;
    assert_eq!(snapshots.len(), 18);
    let lengths = lengths(&snapshots);
    assert_eq!(lengths[17], 236);
    assert!(lengths[..17].iter().all(|length| *length == 0));
    let entries = snapshots[17]["completedWaitpoints"]
        .as_array()
        .context("no array")?;
    assert!(entries.iter().all(|entry| {
        entry["output"]
            .as_str()
            .is_some_and(|text| text.len() == 102_402)
    }));
    Ok(())
}

/// Spec: G-07.
#[tokio::test]
async fn five_hundred_waitpoints_come_once_each_and_in_their_order() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    wait_for(&session, &held, 500, 10_240).await?;
    let data = session.data(&held.run_id).await?;
    let since = since(&session, &held.run_id, &held.snapshot_id)
        .await?
        .context("null")?;
    assert_eq!(lengths(&since), [0, 500]);
    for entries in [
        &data["completedWaitpoints"],
        &since[1]["completedWaitpoints"],
    ] {
        let entries = entries.as_array().context("no array")?;
        let mut outputs = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            assert_eq!(entry["index"], json!(place));
            outputs.push(entry["output"].as_str().context("no output")?);
        }
        outputs.sort_unstable();
        outputs.dedup();
        assert_eq!(outputs.len(), 500);
    }
    // The same through a checkpoint and the queue.
    let sql = "select snapshot_id from engine.run_state";
    let latest = Held {
        run_id: held.run_id.clone(),
        snapshot_id: session.client.query_one(sql, &[]).await?.get(0),
    };
    session.suspend(&latest, "why").await?;
    session.lapse(&held.run_id).await?;
    session.tick().await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "QUEUED");
    session.check().await
}

/// Spec: G-09, SS-2.
#[tokio::test]
async fn a_single_wait_brings_its_waitpoint_without_a_place() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let due = session.due_in(0).await?;
    session.block(&held.run_id, &[&due]).await?;
    session.tick().await?;
    let snapshots = since(&session, &held.run_id, &held.snapshot_id)
        .await?
        .context("null")?;
    assert_eq!(lengths(&snapshots), [0, 1]);
    let entry = &snapshots[1]["completedWaitpoints"][0];
    assert_eq!((entry.get("index"), &entry["id"]), (None, &json!(due)));
    Ok(())
}
