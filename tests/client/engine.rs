//! `Engine`: one method per function.

use std::time::Duration;

use anyhow::{Context as _, Result};
use engine_client::{
    AttemptStatus, Completion, Debounce, Dequeue, Engine, ErrorKind, ExecutionStatus, RunStatus,
    Trigger,
};
use engine_harness::{Database, Session};
use serde_json::json;

#[tokio::test]
async fn a_run_goes_through_every_method() -> Result<()> {
    let client = Database::fresh().await?.connect().await?;
    let engine = Engine::new(&client);
    assert_eq!(engine.version().await?, env!("CARGO_PKG_VERSION"));

    let trigger = Trigger::new("sum")
        .payload(&[1, 2, 3])?
        .queue("numbers")
        .priority(Duration::from_millis(500))
        .max_attempts(5)
        .tags(["a", "b"]);
    let run = engine.trigger(&trigger).await?;
    assert_eq!(
        (run.run_status, run.execution_status, run.is_cached),
        (Some(RunStatus::Pending), ExecutionStatus::Queued, false)
    );
    let many = engine
        .trigger_many(&[Trigger::new("x"), Trigger::new("y").payload(&"text")?])
        .await?;
    assert_eq!(many.len(), 2);

    let dequeued = engine.dequeue(&Dequeue::new("main").max_runs(10)).await?;
    assert_eq!(dequeued.len(), 3);
    let first = &dequeued[0];
    assert_eq!(
        (&first.run_id, first.task.as_str(), first.queue.as_str()),
        (&run.run_id, "sum", "numbers")
    );
    assert_eq!(
        (
            first.payload::<Vec<i32>>()?,
            first.max_attempts,
            first.attempt_number
        ),
        (vec![1, 2, 3], Some(5), 1)
    );
    assert_eq!(
        (first.tags.as_slice(), first.heartbeat),
        (
            &["a".to_owned(), "b".to_owned()][..],
            Duration::from_secs(60)
        )
    );

    let started = engine
        .start_attempt(&first.run_id, &first.snapshot_id, true)
        .await?;
    assert_eq!(
        started.execution.execution_status,
        ExecutionStatus::Executing
    );
    let known = engine.execution(&run.run_id).await?;
    let number = known.and_then(|known| known["attempt"]["number"].as_i64());
    assert_eq!(
        (started.execution.attempt_number, number),
        (Some(1), Some(1))
    );
    let snapshot_id = started.execution.snapshot_id;
    let beat = engine.heartbeat(&run.run_id, &snapshot_id).await?;
    assert_eq!(
        (beat.execution.snapshot_id, beat.heartbeat),
        (snapshot_id.clone(), Some(Duration::from_secs(60)))
    );
    let beats = engine
        .heartbeat_many(&[
            (run.run_id.clone(), snapshot_id.clone()),
            ("nope".into(), snapshot_id.clone()),
        ])
        .await?;
    assert_eq!(
        beats
            .iter()
            .map(|beat| matches!(beat, Ok(Some(_))))
            .collect::<Vec<_>>(),
        [true, false]
    );

    let completed = engine
        .succeed(&run.run_id, &snapshot_id, &json!({"sum": 6}))
        .await?;
    assert_eq!(
        (completed.attempt_status, completed.run_status),
        (AttemptStatus::RunFinished, RunStatus::CompletedSuccessfully)
    );
    let failed = engine
        .fail(&dequeued[1].run_id, &dequeued[1].snapshot_id, "no")
        .await?;
    assert_eq!(failed.run_status, RunStatus::CompletedWithErrors);
    let plain = Completion::success_text("text", "text/plain");
    let completed = engine
        .complete_attempt(&dequeued[2].run_id, &dequeued[2].snapshot_id, &plain)
        .await?;
    assert_eq!(completed.execution_status, ExecutionStatus::Finished);

    let data = engine
        .execution_data(&run.run_id, None)
        .await?
        .context("no data")?;
    assert_eq!(data["run"]["status"], "COMPLETED_SUCCESSFULLY");
    let since = engine
        .snapshots_since(
            &run.run_id,
            &run.snapshot_id.clone().expect("it is there"),
            None,
        )
        .await?
        .context("null")?;
    assert_eq!(since.len(), 3);
    assert_eq!(
        engine
            .snapshots_since(
                &run.run_id,
                &run.snapshot_id.clone().expect("it is there"),
                Some("other")
            )
            .await?,
        None
    );
    let ticked = engine.tick(10).await?;
    assert_eq!(
        (ticked[0].kind.as_str(), ticked[0].processed),
        ("stalled_heartbeat", 0)
    );
    Ok(())
}

#[tokio::test]
async fn a_trigger_joins_the_callers_transaction() -> Result<()> {
    let database = Database::fresh().await?;
    let mut client = database.connect().await?;
    let session = Session::open(&database).await?;
    let transaction = client.transaction().await?;
    Engine::new(&transaction)
        .trigger(&Trigger::new("t"))
        .await?;
    assert_eq!(session.dequeue().await?, None);
    transaction.rollback().await?;
    let transaction = client.transaction().await?;
    let run = Engine::new(&transaction)
        .trigger(&Trigger::new("t"))
        .await?;
    transaction.commit().await?;
    assert_eq!(
        session.dequeue().await?.map(|held| held.run_id).as_deref(),
        Some(run.run_id.as_str())
    );
    Ok(())
}

#[tokio::test]
async fn the_options_that_say_when_a_run_begins_reach_the_server() -> Result<()> {
    let database = Database::fresh().await?;
    let client = database.connect().await?;
    let engine = Engine::new(&client);
    let later = std::time::SystemTime::now() + Duration::from_secs(3600);
    let delayed = Trigger::new("t")
        .delay_until(later)
        .ttl(Duration::from_secs(90))
        .idempotency_key("k")
        .idempotency_key_expires_at(later)
        .version("1");
    let run = engine.trigger(&delayed).await?;
    assert_eq!(run.run_status, Some(RunStatus::Delayed));
    let again = engine.trigger_many(std::slice::from_ref(&delayed)).await?;
    assert_eq!((&again[0].run_id, again[0].is_cached), (&run.run_id, true));
    let sooner = engine
        .reschedule(&run.run_id, later - Duration::from_secs(60))
        .await?;
    assert_eq!(sooner.execution_status, ExecutionStatus::Delayed);
    let stored = "select ttl || ' ' || version || ' ' || (delay_until < now() + interval '1 hour') from engine.run";
    let row = client.query_one(stored, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), "1m30s 1 true");

    let debounced = Trigger::new("t").debounce(Debounce::new("k", Duration::from_secs(5)));
    let first = engine.trigger(&debounced).await?;
    assert_eq!(engine.trigger(&debounced).await?.run_id, first.run_id);
    let once = Trigger::new("t").one_time_use_token("secret");
    engine.trigger(&once).await?;
    let used = engine.trigger(&once).await;
    assert_eq!(
        used.map_err(|error| error.kind()).err(),
        Some(ErrorKind::TokenUsed)
    );
    Ok(())
}

#[tokio::test]
async fn a_turn_completes_attempts_and_starts_runs() -> Result<()> {
    let database = Database::fresh().await?;
    let client = database.connect().await?;
    let engine = Engine::new(&client);
    engine
        .trigger_many(&[Trigger::new("x"), Trigger::new("y")])
        .await?;
    let one = Dequeue::new("main");
    let turn = engine.work(&[], &one, None).await?;
    assert!(turn.completed.is_empty());
    let first = &turn.started[0];
    assert_eq!(
        (first.execution_status, first.attempt_number),
        (ExecutionStatus::Executing, 1)
    );
    let end = (
        first.run_id.clone(),
        first.snapshot_id.clone(),
        Completion::success(&1)?,
    );
    let turn = engine.work(&[end.clone(), end], &one, None).await?;
    let kinds: Vec<_> = turn
        .completed
        .iter()
        .map(|answer| {
            answer
                .as_ref()
                .map(|done| done.run_status)
                .map_err(|error| error.kind())
        })
        .collect();
    assert_eq!(
        kinds,
        [
            Ok(RunStatus::CompletedSuccessfully),
            Err(ErrorKind::StaleSnapshot)
        ]
    );
    assert_eq!(turn.started[0].task, "y");
    Ok(())
}
