//! `Engine`: the methods that move many runs, observe, and operate.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use engine_client::{
    AttemptStatus, Bulk, BulkAction, Cancel, Completion, Dequeue, Engine, EnvironmentChange,
    ErrorKind, ExecutionStatus, Failure, QueueChange, QuotaChange, RunFilter, RunStatus,
    ShardState, Trigger,
};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};
use serde_json::json;

#[tokio::test]
async fn many_runs_are_started_and_completed_and_each_is_answered() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    engine.trigger_many(&vec![Trigger::new("t"); 3]).await?;
    let dequeued = engine.dequeue(&Dequeue::default().max_runs(3)).await?;
    let mut pairs: Vec<_> = dequeued
        .iter()
        .map(|run| (run.run_id.clone(), run.snapshot_id.clone()))
        .collect();
    pairs.insert(1, ("nope".into(), "nope".into()));
    let started = engine.start_many(&pairs, true).await?;
    assert_eq!(started.len(), 4);
    let refused = started[1].as_ref().err().context("accepted")?;
    assert_eq!(refused.kind(), ErrorKind::UnknownRun);
    assert_eq!(refused.code().map(|code| code.code()), Some("RE001"));
    assert!(!refused.to_string().is_empty());

    let mut completions = Vec::new();
    for (started, completion) in [&started[0], &started[2], &started[3]].into_iter().zip([
        Completion::success(&1)?,
        Completion::failure(&Failure::message("no")),
        Completion::success(&3)?,
    ]) {
        let execution = &started.as_ref().ok().context("refused")?.execution;
        assert_eq!(execution.execution_status, ExecutionStatus::Executing);
        let run = (execution.run_id.clone(), execution.snapshot_id.clone());
        completions.push((run.0, run.1, completion));
    }
    completions[2].1 = "old".into();
    let completed = engine.complete_many(&completions).await?;
    let statuses: Vec<_> = completed
        .iter()
        .map(|answer| match answer {
            Ok(completed) => Ok((completed.attempt_status, completed.run_status)),
            Err(error) => Err(error.kind()),
        })
        .collect();
    assert_eq!(
        statuses,
        [
            Ok((AttemptStatus::RunFinished, RunStatus::CompletedSuccessfully)),
            Ok((AttemptStatus::RunFinished, RunStatus::CompletedWithErrors)),
            Err(ErrorKind::StaleSnapshot),
        ]
    );
    assert!(engine.start_many(&[], false).await?.is_empty());
    assert!(engine.complete_many(&[]).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_run_is_cancelled_replayed_and_returns_its_result() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let run = engine.trigger(&Trigger::new("t")).await?;
    let cancel = Cancel::default().reason("not needed");
    let cancelled = engine.cancel(&run.run_id, &cancel).await?;
    assert_eq!(cancelled.execution.run_status, RunStatus::Canceled);
    assert!(!cancelled.already_finished);
    assert!(engine.cancel(&run.run_id, &cancel).await?.already_finished);
    let result = engine.run_result(&run.run_id, None).await?;
    let result = result.context("no result")?;
    assert!(result.is_finished() && !result.is_success());
    assert_eq!(result.error_message().as_deref(), Some("not needed"));

    let again = engine.replay(&run.run_id).await?;
    assert_eq!(again.run_status, Some(RunStatus::Pending));
    let held = engine.dequeue(&Dequeue::default()).await?.remove(0);
    assert!(held.is_replay);
    let forced = Cancel::default()
        .finalize()
        .completed_at(UNIX_EPOCH)
        .attempt_duration(Duration::from_millis(7))
        .bulk_action_id("b");
    engine.cancel(&again.run_id, &forced).await?;
    let result = engine.run_result(&again.run_id, Some("default")).await?;
    let result = result.context("no result")?;
    assert_eq!(
        (result.completed_at, result.usage),
        (Some(UNIX_EPOCH), Duration::from_millis(7))
    );
    assert_eq!(engine.run_result(&again.run_id, Some("other")).await?, None);
    let refused = engine.redrive(&again.run_id).await;
    assert_eq!(
        refused.err().map(|error| error.kind()),
        Some(ErrorKind::NotStartable)
    );
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_is_redriven() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.queue_max_attempts", "1").await?;
    let session = Session::open(&database).await?;
    let engine = Engine::new(&session.client);
    let run = engine.trigger(&Trigger::new("t")).await?;
    engine.dequeue(&Dequeue::default()).await?;
    session.lapse(run.run_id.as_str()).await?;
    engine.tick(10).await?;
    let redriven = engine.redrive(&run.run_id).await?;
    assert_eq!(redriven.execution_status, ExecutionStatus::Queued);
    Ok(())
}

#[tokio::test]
async fn a_run_is_released() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    engine.trigger(&Trigger::new("t")).await?;
    let dequeued = engine.dequeue(&Dequeue::default()).await?.remove(0);
    let released = engine
        .release(&dequeued.run_id, &dequeued.snapshot_id)
        .await?;
    assert_eq!(released.execution_status, ExecutionStatus::Queued);
    let again = engine.dequeue(&Dequeue::default()).await?.remove(0);
    assert_eq!(again.run_id, dequeued.run_id);
    Ok(())
}

#[tokio::test]
async fn runs_that_are_over_before_they_began_are_written() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let trigger = Trigger::new("t").run_id("c");
    let cancel = Cancel::default().reason("too late");
    let run = engine.create_cancelled_run(&trigger, &cancel, true).await?;
    assert_eq!(run.run_status, Some(RunStatus::Canceled));
    let again = engine.create_cancelled_run(&trigger, &cancel, true).await?;
    assert!(again.is_cached);
    let failure = Failure::message("no such customer");
    let run = engine
        .create_failed_run(&Trigger::new("t"), &failure, false)
        .await?;
    assert_eq!(run.run_status, Some(RunStatus::SystemFailure));
    // Events wait for every transaction of the server that may write events.
    let (mut events, patience) = (Vec::new(), Duration::from_secs(60));
    eventually("the cancellation is reported", patience, async || {
        events = engine.events(0, 100).await?;
        Ok(!events.is_empty())
    })
    .await?;
    let cancelled: Vec<_> = events
        .iter()
        .filter(|event| event.name == "runCancelled")
        .map(|event| event.run_id.as_str())
        .collect();
    assert_eq!(cancelled, ["c"]);
    let last = events.last().context("no events")?.position;
    assert!(engine.events(last, 100).await?.is_empty());
    assert!(engine.check().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn runs_are_forgotten_one_or_all_that_match() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    for run in ["a", "b", "c"] {
        engine
            .trigger(&Trigger::new("t").run_id(run).tags(["p"]))
            .await?;
    }
    let live = engine.forget_run(&"a".into(), true).await.err();
    let live = live.context("accepted")?;
    assert_eq!(live.kind(), ErrorKind::NotStartable);
    for run in ["a", "b"] {
        engine.cancel(&run.into(), &Cancel::default()).await?;
    }
    let one = engine.forget_run(&"a".into(), false).await?;
    assert_eq!(
        (one.outcome.as_str(), one.task.as_str()),
        ("forgotten", "t")
    );
    let filter = RunFilter::default()
        .tag("p")
        .created_before(std::time::SystemTime::now() + Duration::from_secs(3600));
    let shown = engine.forget_runs(&filter, true, 10).await?;
    let outcomes: Vec<&str> = shown.iter().map(|run| run.outcome.as_str()).collect();
    assert_eq!(outcomes, ["removable", "live"]);
    assert_eq!(engine.forget_runs(&filter, false, 1).await?.len(), 1);
    assert!(engine.run_result(&"b".into(), None).await?.is_none());
    let empty = engine.forget_runs(&RunFilter::default(), true, 1).await;
    let empty = empty.err().context("accepted")?;
    assert_eq!(empty.kind(), ErrorKind::InvalidInput);
    Ok(())
}

#[tokio::test]
async fn a_bulk_action_is_looked_at_started_and_stopped() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    engine.trigger_many(&vec![Trigger::new("t"); 12]).await?;
    let filter = RunFilter::default()
        .task("t")
        .task("other")
        .status(RunStatus::Pending)
        .created_before(std::time::SystemTime::now() + Duration::from_secs(3600));
    let bulk = Bulk::new(BulkAction::Move("slow".to_owned()), filter.clone()).reason("a test");
    let seen = engine.bulk(&bulk, true).await?;
    assert_eq!((seen.count, seen.is_exact, seen.bulk_id), (12, true, None));
    assert_eq!((seen.samples.len(), seen.statuses["PENDING"]), (10, 12));
    assert!(seen.oldest_at.is_some() && seen.oldest_at <= seen.newest_at);
    let few = bulk.clone().expected_count(10);
    let refused = engine.bulk(&few, false).await.err().context("accepted")?;
    assert_eq!(refused.kind(), ErrorKind::MoreThanExpected);
    let begun = engine.bulk(&bulk.expected_count(12), false).await?;
    let id = begun.bulk_id.context("it has no id")?;
    engine.tick(1000).await?;
    assert!(!engine.bulk_stop(&id).await?, "it has ended");
    let moved = Bulk::new(BulkAction::Cancel, filter.queue("slow"));
    assert_eq!(engine.bulk(&moved, true).await?.count, 12);
    let unknown = engine.bulk_stop("none").await.err().context("accepted")?;
    assert_eq!(unknown.kind(), ErrorKind::UnknownBulkAction);
    Ok(())
}

#[tokio::test]
async fn a_named_reader_is_created_moved_and_deleted() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    engine.trigger(&Trigger::new("t")).await?;
    let lag = Duration::from_secs(3600);
    let reader = engine.event_reader("r", Some(lag)).await?;
    assert_eq!((reader.position, reader.max_lag), (0, lag));
    assert!(reader.acknowledged_at.is_none());
    let reader = engine.event_ack("r", 8).await?;
    assert!(reader.position == 8 && reader.acknowledged_at.is_some());
    assert_eq!(engine.event_reader("r", None).await?, reader);
    let other = engine.event_reader_after("s", None, 8).await?;
    assert_eq!(other.position, 8);
    assert!(engine.delete_event_reader("r").await?);
    let unknown = engine.event_ack("r", 8).await.err().context("accepted")?;
    assert_eq!(unknown.kind(), ErrorKind::UnknownEventReader);
    let removed = "insert into engine.event_horizon values (0, 9, now())";
    client.batch_execute(removed).await?;
    let removed = engine.events(8, 10).await.err().context("accepted")?;
    assert_eq!(removed.kind(), ErrorKind::EventsRemoved);
    assert!(engine.events(None, 10).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn only_what_is_given_changes_in_environments_and_queues() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let change = EnvironmentChange::new("staging")
        .kind("STAGING")
        .project_id("p")
        .organization_id("o")
        .concurrency_limit(Some(4))
        .burst_factor(1.5)
        .max_queue_size(Some(10));
    let set = engine.set_environment(&change).await?;
    assert_eq!(
        (set.kind.as_str(), set.concurrency_limit, set.burst_factor),
        ("STAGING", Some(4), 1.5)
    );
    let change = EnvironmentChange::new("staging").paused(true);
    let set = engine.set_environment(&change).await?;
    assert!(set.is_paused && !set.is_archived && !set.requires_version);
    assert_eq!(
        (set.concurrency_limit, set.max_queue_size),
        (Some(4), Some(10))
    );
    let change = EnvironmentChange::new("staging")
        .concurrency_limit(None)
        .max_queue_size(None)
        .archived(true);
    let set = engine.set_environment(&change).await?;
    assert_eq!((set.concurrency_limit, set.max_queue_size), (None, None));
    assert!(set.is_archived);

    let change = QueueChange::new("q")
        .concurrency_limit(Some(2))
        .max_size(Some(1));
    let set = engine.set_queue(&change).await?;
    assert_eq!((set.concurrency_limit, set.max_size), (Some(2), Some(1)));
    let change = QueueChange::new("q").override_limit(Some(1)).paused(true);
    let set = engine.set_queue(&change).await?;
    assert_eq!(
        (set.concurrency_limit, set.override_limit),
        (Some(2), Some(1))
    );
    assert!(set.is_paused);
    engine.trigger(&Trigger::new("t").queue("q")).await?;
    let full = engine.trigger(&Trigger::new("t").queue("q")).await;
    assert_eq!(
        full.err().map(|error| error.kind()),
        Some(ErrorKind::QueueFull)
    );
    assert!(engine.dequeue(&Dequeue::default()).await?.is_empty());

    let change = QuotaChange::new("default").payload_bytes(Some(3));
    let set = engine.set_quota(&change).await?;
    assert_eq!((set.payload_bytes, set.queued_runs), (Some(3), None));
    let long = engine.trigger(&Trigger::new("t").payload(&"long")?).await;
    assert_eq!(
        long.err().map(|error| error.kind()),
        Some(ErrorKind::QuotaExceeded)
    );
    engine.set_quota(&change.payload_bytes(None)).await?;

    engine.set_machine("micro", 0.5, 0.25, 0.001).await?;
    engine.trigger(&Trigger::new("t").machine("micro")).await?;
    let run = engine.dequeue(&Dequeue::default()).await?.remove(0);
    assert_eq!(run.machine.context("no machine")?["cpu"], json!(0.5));
    Ok(())
}

#[tokio::test]
async fn a_shard_is_handed_over_and_its_runs_say_where_it_is() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    let there = EnvironmentChange::new("there").shard(7);
    engine.set_environment(&there).await?;
    let trigger = Trigger::new("t").environment_id("there");
    let run = engine.trigger(&trigger).await?;
    let moving = engine
        .set_shard(7, ShardState::Moving, Some("node-b"))
        .await?;
    assert_eq!((moving.number, moving.state), (7, ShardState::Moving));
    let refused = engine.trigger(&trigger).await.err().context("triggered")?;
    assert_eq!(refused.kind(), ErrorKind::ShardMoving);
    assert!(refused.is_retryable());
    let away = engine.set_shard(7, ShardState::Away, None).await?;
    assert_eq!(away.place.as_deref(), Some("node-b"));
    let held = [(run.run_id.clone(), "any".into())];
    let refused = engine
        .heartbeat_many(&held)
        .await?
        .pop()
        .context("no answer")?;
    let refused = refused.err().context("beaten")?;
    assert_eq!(refused.kind(), ErrorKind::ShardElsewhere);
    let served = engine.set_shard(7, ShardState::Serving, None).await?;
    assert_eq!(served.place, None);
    Ok(())
}
