//! A queue and its slots. A dequeue takes slots and starts runs in one step, so that a queued run never holds a slot.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::json;

/// An environment with the limits of the scenarios.
const ENVIRONMENT: &str = "select engine_set_environment('env', concurrency_limit => 10, burst_factor => 2.0, \
                                                         organization_id => 'org', project_id => 'project')";

async fn session() -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.client.batch_execute(ENVIRONMENT).await?;
    Ok(session)
}

async fn trigger(session: &Session) -> Result<Held> {
    let arguments = "'test', environment_id => 'env', queue => 'task/my-task'";
    session.trigger_with(arguments).await
}

/// Queued and running runs of the queue, as operators see them.
async fn stats(session: &Session) -> Result<(i64, i64)> {
    let sql = "select queued, running from engine.queue_stats where queue = 'task/my-task'";
    let row = session.client.query_opt(sql, &[]).await?;
    let queue = row.map_or((0, 0), |row| (row.get(0), row.get(1)));
    let sql = "select queued, running from engine.environment_stats where environment_id = 'env'";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(
        (row.get(0), row.get(1)),
        queue,
        "the environment has no other queue"
    );
    Ok(queue)
}

async fn fail_with_retry(session: &Session, held: &Held, delay_ms: i64) -> Result<()> {
    let error = json!({"type": "STRING_ERROR", "raw": "no"});
    let completion = json!({"ok": false, "error": error, "retry": {"delay": delay_ms}});
    let completed = session.complete(held, completion).await?;
    assert_eq!(completed.attempt_status, "RETRY_QUEUED");
    Ok(())
}

/// Spec: RQ-01.
#[tokio::test]
async fn a_run_moves_from_queued_to_running() -> Result<()> {
    let session = session().await?;
    assert_eq!(stats(&session).await?, (0, 0));
    let run = trigger(&session).await?;
    assert_eq!(stats(&session).await?, (1, 0));
    let oldest = "engine.queue_stats where oldest_available_at = (select available_at from engine.queue_item)";
    assert_eq!(session.count(oldest).await?, 1);
    let held = session.dequeue().await?.context("nothing is queued")?;
    assert_eq!(held.run_id, run.run_id);
    assert_eq!(stats(&session).await?, (0, 1));
    assert_eq!(session.dequeue().await?, None);
    Ok(())
}

/// Spec: RQ-02.
#[tokio::test]
async fn another_worker_queue_gets_nothing_and_changes_nothing() -> Result<()> {
    let session = session().await?;
    trigger(&session).await?;
    let rows = session
        .client
        .query("select * from engine_dequeue('other')", &[])
        .await?;
    assert!(rows.is_empty());
    assert_eq!(stats(&session).await?, (1, 0));
    assert!(session.dequeue().await?.is_some());
    Ok(())
}

/// Spec: RQ-06, RQ-15.
#[tokio::test]
async fn the_end_of_a_run_gives_its_slot_back() -> Result<()> {
    let session = session().await?;
    trigger(&session).await?;
    let held = session.take().await?;
    assert_eq!(stats(&session).await?, (0, 1));
    session.complete(&held, json!({"ok": true})).await?;
    assert_eq!(stats(&session).await?, (0, 0));
    Ok(())
}

/// Spec: RQ-07.
#[tokio::test]
async fn a_run_that_ends_in_its_queue_is_not_dequeued() -> Result<()> {
    let session = session().await?;
    let run = trigger(&session).await?;
    let sql = "select * from engine_cancel($1)";
    session.client.query_one(sql, &[&run.run_id]).await?;
    assert_eq!(stats(&session).await?, (0, 0));
    assert_eq!(session.dequeue().await?, None);
    Ok(())
}

/// Spec: RQ-09, NK-01.
#[tokio::test]
async fn a_requeued_run_gives_its_slot_back_and_can_be_dequeued_again() -> Result<()> {
    let session = session().await?;
    let run = trigger(&session).await?;
    session.dequeue().await?.context("nothing is queued")?;
    session.lapse(&run.run_id).await?;
    session.tick().await?;
    assert_eq!(stats(&session).await?, (1, 0));
    assert_eq!(
        session
            .count("engine.run_state where queue_attempts = 1")
            .await?,
        1
    );
    session.make_due(&run.run_id).await?;
    assert_eq!(
        session.dequeue().await?.map(|held| held.run_id),
        Some(run.run_id)
    );
    Ok(())
}

/// Spec: RQ-13.
#[tokio::test]
async fn a_run_is_in_its_queue_once() -> Result<()> {
    let session = session().await?;
    session
        .trigger_with("'test', environment_id => 'env', run_id => 'r'")
        .await?;
    let refused = session
        .refused("select engine_trigger('test', environment_id => 'env', run_id => 'r')")
        .await?;
    assert_eq!(refused.code, "23505");
    assert_eq!(session.count("engine.queue_item").await?, 1);
    Ok(())
}

/// Spec: RQ-14.
#[tokio::test]
async fn an_unknown_run_is_refused_and_changes_nothing() -> Result<()> {
    let session = session().await?;
    trigger(&session).await?;
    for call in [
        "engine_succeed('nope', 'x')",
        "engine_cancel('nope')",
        "engine_redrive('nope')",
    ] {
        assert_eq!(
            session.refused(&format!("select {call}")).await?.code,
            "RE001",
            "{call}"
        );
    }
    assert_eq!(stats(&session).await?, (1, 0));
    Ok(())
}

/// Spec: NK-02.
#[tokio::test]
async fn a_run_that_is_requeued_too_often_goes_to_the_dead_letters() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.queue_max_attempts", "2").await?;
    let session = Session::open(&database).await?;
    session.client.batch_execute(ENVIRONMENT).await?;
    let run = trigger(&session).await?;
    for _ in 0..2 {
        session.make_due(&run.run_id).await?;
        session.dequeue().await?.context("nothing is queued")?;
        session.lapse(&run.run_id).await?;
        session.tick().await?;
    }
    assert_eq!(stats(&session).await?, (0, 0));
    let dead = "engine.run_state where is_dead_lettered and run_status = 'SYSTEM_FAILURE'";
    assert_eq!(session.count(dead).await?, 1);
    let sql = "select execution_status, run_status from engine_redrive($1)";
    let row = session.client.query_one(sql, &[&run.run_id]).await?;
    assert_eq!((row.get(0), row.get(1)), ("QUEUED", "PENDING"));
    assert_eq!(stats(&session).await?, (1, 0), "in its own queue");
    assert_eq!(
        session.dequeue().await?.map(|held| held.run_id),
        Some(run.run_id)
    );
    Ok(())
}

/// Spec: NK-03.
#[tokio::test]
async fn a_retry_is_not_dequeued_before_its_time() -> Result<()> {
    let session = session().await?;
    let run = trigger(&session).await?;
    let held = session.take().await?;
    fail_with_retry(&session, &held, 60_000).await?;
    assert_eq!(session.dequeue().await?, None);
    let soon = "engine.queue_item where available_at - clock_timestamp() between interval '50 s' and interval '60 s'";
    assert_eq!(session.count(soon).await?, 1);
    session.make_due(&run.run_id).await?;
    assert!(session.dequeue().await?.is_some());
    Ok(())
}

/// Spec: FP-02, FP-05.
#[tokio::test]
async fn a_run_that_is_not_due_waits_and_delays_no_other() -> Result<()> {
    let session = session().await?;
    let future = "'test', environment_id => 'env', queue => 'task/my-task', \
                  queue_timestamp => clock_timestamp() + interval '60 s'";
    session.trigger_with(future).await?;
    assert_eq!(session.dequeue().await?, None);
    assert_eq!(stats(&session).await?, (1, 0));
    let due = trigger(&session).await?;
    assert_eq!(
        session.dequeue().await?.map(|held| held.run_id),
        Some(due.run_id)
    );
    assert_eq!(stats(&session).await?, (1, 1));
    Ok(())
}

/// Spec: FP-06, LM-05.
#[tokio::test]
async fn the_next_run_goes_as_soon_as_the_slot_is_free() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let limit = "select engine_set_environment('env', concurrency_limit => 1)";
    session.client.batch_execute(limit).await?;
    trigger(&session).await?;
    trigger(&session).await?;
    let held = session.take().await?;
    assert_eq!(session.dequeue().await?, None);
    assert_eq!(stats(&session).await?, (1, 1));
    session.complete(&held, json!({"ok": true})).await?;
    assert!(session.dequeue().await?.is_some());
    Ok(())
}

/// Spec: SW-01.
#[tokio::test]
async fn no_run_that_is_over_holds_a_slot() -> Result<()> {
    let session = session().await?;
    trigger(&session).await?;
    trigger(&session).await?;
    let first = session.take().await?;
    session.take().await?;
    session.complete(&first, json!({"ok": true})).await?;
    assert_eq!(stats(&session).await?, (0, 1));
    assert_eq!(session.count("engine_check()").await?, 0);
    Ok(())
}

#[tokio::test]
async fn one_call_takes_runs_that_are_ahead_and_others_in_one_order_and_each_once() -> Result<()> {
    let session = session().await?;
    let mut expected = Vec::new();
    for (priority_ms, place) in [(0, 3), (5000, 0), (0, 4), (4000, 1), (0, 5), (3000, 2)] {
        let arguments = format!("'test', priority_ms => {priority_ms}");
        expected.push((place, session.trigger_with(&arguments).await?.run_id));
    }
    expected.sort();
    for max_runs in [4, 2] {
        let claimed = session.dequeue_many(max_runs).await?;
        let runs: Vec<String> = claimed.into_iter().map(|held| held.run_id).collect();
        let rest: Vec<String> = expected
            .drain(..runs.len())
            .map(|(_, run_id)| run_id)
            .collect();
        assert_eq!(runs, rest);
    }
    assert_eq!(session.dequeue().await?, None);
    Ok(())
}
