//! One commit per call, counted from the WAL; flow.rs compares this with separate commits.

use anyhow::{Context, Result};
use engine_harness::{Cluster, Options, Session};
use tokio_postgres::types::ToSql;

/// Runs `work`, which must write exactly `expected` commits, and prints what it wrote.
async fn commits<T>(
    cluster: &Cluster,
    what: &str,
    expected: u64,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let (result, wal) = cluster.count_commits(work).await?;
    println!(
        "{what:<22} {} commits {:>8} bytes of WAL",
        wal.commits, wal.bytes
    );
    assert_eq!(wal.commits, expected, "{what}");
    result
}

#[tokio::test]
async fn every_call_is_one_commit_and_an_empty_dequeue_none() -> Result<()> {
    let cluster = Cluster::start(Options::default().set("autovacuum", "off")).await?;
    let session = Session::open(&cluster.database().await?).await?;
    // A session's first call also reads the catalog; that writes nothing, but it is not counted here.
    session.tick().await?;

    commits(&cluster, "dequeue, nothing there", 0, session.dequeue()).await?;
    commits(&cluster, "trigger", 1, session.trigger("test")).await?;
    let many = async {
        let sql = "select count(*) from engine_trigger_many( \
                   (select jsonb_agg(jsonb_build_object('task', 'test', 'payload', n)) from generate_series(1, 100) n))";
        Ok(session.client.query_one(sql, &[]).await?.get::<_, i64>(0))
    };
    assert_eq!(commits(&cluster, "trigger_many(100)", 1, many).await?, 100);

    let held = commits(&cluster, "dequeue(1)", 1, session.dequeue())
        .await?
        .context("nothing is queued")?;
    let held = commits(&cluster, "start", 1, session.start(&held)).await?;
    let hundred = commits(&cluster, "dequeue(100)", 1, session.dequeue_many(100)).await?;
    assert_eq!(hundred.len(), 100);

    let beats = async {
        let runs: Vec<&str> = hundred.iter().map(|held| held.run_id.as_str()).collect();
        let snapshots: Vec<&str> = hundred
            .iter()
            .map(|held| held.snapshot_id.as_str())
            .collect();
        let sql =
            "select count(*) from engine_heartbeat_many($1, $2) as h where h.snapshot_id = any($2)";
        Ok(session
            .client
            .query_one(sql, &[&runs, &snapshots])
            .await?
            .get::<_, i64>(0))
    };
    assert_eq!(
        commits(&cluster, "heartbeat_many(100)", 1, beats).await?,
        100
    );
    let beat = async {
        let sql = "select snapshot_id from engine_heartbeat($1, $2)";
        let arguments = [&held.run_id as &(dyn ToSql + Sync), &held.snapshot_id];
        Ok(session.client.query_one(sql, &arguments).await?)
    };
    commits(&cluster, "heartbeat", 1, beat).await?;

    let success = serde_json::json!({"ok": true, "output": "1"});
    commits(
        &cluster,
        "complete, success",
        1,
        session.complete(&held, success),
    )
    .await?;
    let failed = session.start(&hundred[0]).await?;
    let failure = serde_json::json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}});
    commits(
        &cluster,
        "complete, failure",
        1,
        session.complete(&failed, failure),
    )
    .await?;

    // The first tick after a run notes from where on it counts what happens per minute.
    session.tick().await?;
    commits(&cluster, "tick, nothing due", 0, session.tick()).await?;
    for held in &hundred[1..] {
        session.lapse(&held.run_id).await?;
    }
    assert_eq!(
        commits(&cluster, "tick, 99 stalled", 1, session.tick()).await?,
        99
    );
    commits(&cluster, "execution_data", 0, session.data(&held.run_id)).await?;
    session.check().await
}

#[tokio::test]
async fn every_call_about_waiting_is_one_commit() -> Result<()> {
    let cluster = Cluster::start(Options::default().set("autovacuum", "off")).await?;
    let session = Session::open(&cluster.database().await?).await?;
    session.tick().await?;

    let parent = session.executing("parent").await?;
    let token = commits(&cluster, "create, manual", 1, session.token()).await?;
    let due = commits(&cluster, "create, datetime", 1, session.due_in(0)).await?;
    let waitpoints = [token.as_str(), &due];
    let block = session.block(&parent.run_id, &waitpoints);
    let blocked = commits(&cluster, "block", 1, block).await?;
    commits(&cluster, "tick, datetime", 1, session.tick()).await?;
    let complete = session.complete_waitpoint(&token);
    commits(&cluster, "complete, run continues", 1, complete).await?;
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    let again = session.complete_waitpoint(&token);
    commits(&cluster, "complete, again", 0, again).await?;
    commits(
        &cluster,
        "unblock, skipped",
        1,
        session.unblock(&parent.run_id),
    )
    .await?;
    let stale = session.checkpoint(&blocked.held, "late");
    commits(&cluster, "checkpoint, discarded", 1, stale).await?;

    let token = session.token().await?;
    let blocked = session.block(&parent.run_id, &[&token]).await?;
    let suspend = session.suspend(&blocked.held, "why");
    commits(&cluster, "checkpoint", 1, suspend).await?;
    let complete = session.complete_waitpoint(&token);
    commits(&cluster, "complete, resumed", 1, complete).await?;
    let dequeued = commits(&cluster, "dequeue, restore", 1, session.dequeue())
        .await?
        .context("nothing is queued")?;
    let parent = commits(&cluster, "continue", 1, session.resume(&dequeued)).await?;

    let arguments = format!(
        "'child', parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let trigger = session.trigger_with(&arguments);
    commits(&cluster, "trigger and wait", 1, trigger).await?;
    let child = session.take().await?;
    let success = serde_json::json!({"ok": true, "output": "1"});
    let complete = session.complete(&child, success.clone());
    commits(&cluster, "complete, parent continues", 1, complete).await?;
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    let other = session.trigger("other").await?;
    let sql = "select waitpoint_id from engine_run_waitpoint($1)";
    let arguments: [&(dyn ToSql + Sync); 1] = [&other.run_id];
    let waitpoint = async { Ok(session.client.query_one(sql, &arguments).await?) };
    commits(&cluster, "run waitpoint", 1, waitpoint).await?;
    let held = session.take().await?;
    session.complete(&held, success.clone()).await?;

    let sql =
        "select batch_id from engine_create_batch(50, parent_run_id => $1, resume_parent => true)";
    let arguments: [&(dyn ToSql + Sync); 1] = [&parent.run_id];
    let create = async {
        let row = session.client.query_one(sql, &arguments).await?;
        Ok(row.get::<_, String>(0))
    };
    let batch = commits(&cluster, "create batch", 1, create).await?;
    let sql = "select count(*) from engine_add_to_batch($1, (select jsonb_agg(jsonb_build_object('task', 'child')) \
               from generate_series(1, 50)))";
    let arguments: [&(dyn ToSql + Sync); 1] = [&batch];
    let add = async { Ok(session.client.query_one(sql, &arguments).await?) };
    commits(&cluster, "add fifty, sealed", 1, add).await?;
    let mut children = Vec::new();
    for held in session.dequeue_many(50).await? {
        children.push(session.start(&held).await?);
    }
    for child in &children[1..] {
        session.complete(child, success.clone()).await?;
    }
    let last = session.complete(&children[0], success);
    commits(&cluster, "complete, batch ends", 1, last).await?;
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    let read = session.waitpoint(&token);
    commits(&cluster, "waitpoint data", 0, read).await?;
    commits(&cluster, "batch data", 0, session.batch(&batch)).await?;
    session.check().await
}

#[tokio::test]
async fn whatever_time_or_identity_decides_is_one_commit_too() -> Result<()> {
    let cluster = Cluster::start(Options::default().set("autovacuum", "off")).await?;
    let session = Session::open(&cluster.database().await?).await?;
    session.tick().await?;
    let keyed = "'test', idempotency_key => 'k', one_time_use_token => 't', ttl => '1h'";
    let run = commits(&cluster, "trigger, new key", 1, session.trigger_with(keyed)).await?;
    commits(
        &cluster,
        "trigger, key is there",
        0,
        session.trigger_with(keyed),
    )
    .await?;
    session.outlive(&run.run_id).await?;
    commits(&cluster, "tick, expired", 1, session.tick()).await?;

    let debounced =
        "'test', debounce => '{\"key\": \"k\", \"delay\": \"1h\", \"mode\": \"trailing\"}'";
    let run = commits(
        &cluster,
        "trigger, debounced",
        1,
        session.trigger_with(debounced),
    )
    .await?;
    commits(
        &cluster,
        "trigger, put off",
        1,
        session.trigger_with(debounced),
    )
    .await?;
    let later = async {
        let sql = "select * from engine_reschedule($1, now() + interval '1 day')";
        Ok(session.client.query_one(sql, &[&run.run_id]).await?)
    };
    commits(&cluster, "reschedule", 1, later).await?;
    session.bring_on(&run.run_id).await?;
    commits(&cluster, "tick, delay ended", 1, session.tick()).await?;

    let call = async |sql: &str| Ok(session.client.query(sql, &[]).await?);
    let versions = "select engine_set_environment('default', requires_version => true)";
    commits(&cluster, "set_environment", 1, call(versions)).await?;
    commits(&cluster, "dequeue, parked", 1, session.dequeue()).await?;
    let register = "select engine_register_worker('default', '1', '[\"test\"]', image => 'i')";
    commits(&cluster, "register, promoted", 1, call(register)).await?;
    let held = commits(&cluster, "dequeue, versioned", 1, session.dequeue()).await?;
    assert_eq!(held.context("nothing is queued")?.run_id, run.run_id);

    let set = "select engine_set_schedule('s', 'test', '0 9 * * *')";
    commits(&cluster, "set_schedule", 1, call(set)).await?;
    session
        .client
        .batch_execute("update engine.schedule set next_at = now()")
        .await?;
    commits(&cluster, "tick, schedule begins", 1, session.tick()).await?;
    commits(&cluster, "tick, nothing due", 0, session.tick()).await?;
    session.check().await
}
