//! `Engine`: the methods of waiting and of batches.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use engine_client::{
    BatchItem, Block, Checkpoint, Dequeue, Engine, ErrorKind, ExecutionStatus, NewBatch, RunId,
    SnapshotId, Trigger, WaitpointOptions,
};
use engine_harness::Database;

async fn executing(
    engine: &Engine<'_, engine_client::tokio_postgres::Client>,
    trigger: &Trigger,
) -> Result<(RunId, SnapshotId)> {
    engine.trigger(trigger).await?;
    let dequeued = engine
        .dequeue(&Dequeue::default())
        .await?
        .pop()
        .context("nothing is queued")?;
    let started = engine
        .start_attempt(&dequeued.run_id, &dequeued.snapshot_id, false)
        .await?;
    Ok((dequeued.run_id, started.execution.snapshot_id))
}

#[tokio::test]
async fn a_run_waits_for_a_token_and_a_moment_and_is_suspended() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let (run_id, _) = executing(&engine, &Trigger::new("t")).await?;
    let options = WaitpointOptions::default().idempotency_key("k").tags(["a"]);
    let in_an_hour = SystemTime::now() + Duration::from_secs(3600);
    let token = engine
        .create_manual_waitpoint(Some(in_an_hour), &options)
        .await?;
    assert!(!token.is_cached && !token.is_completed);
    let again = engine.create_manual_waitpoint(None, &options).await?;
    assert_eq!(
        (again.waitpoint_id, again.is_cached),
        (token.waitpoint_id.clone(), true)
    );
    let moment = engine
        .create_datetime_waitpoint(SystemTime::now(), &WaitpointOptions::default())
        .await?;
    let block = Block::on([token.waitpoint_id.clone(), moment.waitpoint_id])
        .timeout_at(in_an_hour)
        .span_id("s");
    let blocked = engine.block(&run_id, &block).await?;
    assert_eq!(
        (blocked.execution.execution_status, blocked.pending_count),
        (ExecutionStatus::ExecutingWithWaitpoints, 2)
    );
    assert_eq!(blocked.heartbeat, Some(Duration::from_secs(60)));
    engine.tick(10).await?;
    assert_eq!(engine.unblock(&run_id).await?.status, "blocked");
    let checkpoint = Checkpoint::new("DOCKER", "here").image_ref("i").reason("r");
    let snapshot_id = &blocked.execution.snapshot_id;
    let frozen = engine
        .create_checkpoint(&run_id, snapshot_id, &checkpoint)
        .await?;
    assert!(frozen.ok && frozen.checkpoint_id.is_some());
    assert_eq!(frozen.execution_status, ExecutionStatus::Suspended);
    let completed = engine
        .complete_waitpoint(&token.waitpoint_id, Some("1"), None, false)
        .await?;
    assert_eq!(
        (completed.output.as_deref(), completed.already_completed),
        (Some("1"), false)
    );
    let data = engine
        .waitpoint_data(&token.waitpoint_id, Some("default"))
        .await?
        .context("no data")?;
    assert_eq!(data["connectedRuns"][0]["id"], run_id.as_str());
    let dequeued = engine
        .dequeue(&Dequeue::default())
        .await?
        .pop()
        .context("nothing is queued")?;
    let waitpoints = dequeued.completed_waitpoints.context("no waitpoints")?;
    assert_eq!(waitpoints.as_array().map(Vec::len), Some(2));
    let resumed = engine
        .continue_run(&run_id, &dequeued.snapshot_id)
        .await?
        .execution;
    assert_eq!(resumed.execution_status, ExecutionStatus::Executing);
    let skipped = engine.unblock(&run_id).await?;
    assert_eq!(skipped.reason.as_deref(), Some("run is already executing"));
    let stale = engine
        .create_checkpoint(&run_id, snapshot_id, &checkpoint)
        .await?;
    assert_eq!(stale.error.as_deref(), Some("Not the latest snapshot"));
    Ok(())
}

#[tokio::test]
async fn a_run_waits_for_children_and_batches() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let (parent, _) = executing(&engine, &Trigger::new("parent")).await?;
    let child = Trigger::new("child").awaited_by(parent.as_str());
    let (child, snapshot_id) = executing(&engine, &child).await?;
    assert!(engine.run_waitpoint(&child).await?.is_cached);
    engine.succeed(&child, &snapshot_id, &1).await?;
    let is_continued = async || {
        let data = engine.execution_data(&parent, None).await?;
        let data = data.context("no data")?;
        assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
        Ok::<_, anyhow::Error>(data["completedWaitpoints"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(is_continued().await?, 1);

    let new = NewBatch::open()
        .awaited_by(parent.as_str())
        .idempotency_key("k")
        .options(serde_json::json!({"a": 1}));
    let batch = engine.create_batch(&new).await?;
    assert!(!batch.is_cached && batch.waitpoint_id.is_some());
    assert!(engine.create_batch(&new).await?.is_cached);
    let items = [BatchItem::at(0, Trigger::new("a")), Trigger::new("").into()];
    let added = engine.add_to_batch(&batch.batch_id, &items).await?;
    assert_eq!((added[0].index, added[1].index), (0, 1));
    assert_eq!(
        (
            added[0].error_code.as_deref(),
            added[1].error_code.as_deref()
        ),
        (None, Some("22023"))
    );
    let again = engine.add_to_batch(&batch.batch_id, &items[..1]).await?;
    assert!(!again[0].enqueued && again[0].run_id == added[0].run_id);
    let sealed = engine.seal_batch(&batch.batch_id).await?;
    assert_eq!(
        (
            sealed.sealed,
            sealed.status.as_str(),
            sealed.failed_run_count
        ),
        (true, "PARTIAL_FAILED", 1)
    );
    let dequeued = engine
        .dequeue(&Dequeue::default())
        .await?
        .pop()
        .context("nothing is queued")?;
    engine
        .succeed(&dequeued.run_id, &dequeued.snapshot_id, &2)
        .await?;
    engine.tick(10).await?;
    assert_eq!(is_continued().await?, 3);
    let data = engine.batch_data(&batch.batch_id, None).await?;
    assert_eq!(data.context("no data")?["status"], "COMPLETED");

    let closed = Trigger::new("t").batch(batch.batch_id.as_str());
    let kind = |error: engine_client::Error| error.kind();
    assert_eq!(
        engine.trigger(&closed).await.map_err(kind).err(),
        Some(ErrorKind::BatchClosed)
    );
    let unknown = Trigger::new("t").batch("nope");
    assert_eq!(
        engine.trigger(&unknown).await.map_err(kind).err(),
        Some(ErrorKind::UnknownBatch)
    );
    let nothing = engine.block(&parent, &Block::on(["nope"])).await;
    assert_eq!(
        nothing.map_err(kind).err(),
        Some(ErrorKind::UnknownWaitpoint)
    );
    Ok(())
}
