//! Runs that are suspended with a checkpoint, and continue through their queue.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};
use tokio_postgres::types::Json;

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// An executing run that waits for a token, and the token.
async fn waiting(session: &Session) -> Result<(Held, String)> {
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    Ok((blocked.held, token))
}

fn text(execution: &str, run: &str) -> (String, String) {
    (execution.to_owned(), run.to_owned())
}

/// Spec: C-01, CKP-1.
#[tokio::test]
async fn a_suspended_run_continues_where_it_was() -> Result<()> {
    let session = session().await?;
    let (held, token) = waiting(&session).await?;
    assert_eq!(session.count("engine.slot").await?, 1);
    let suspended = session.suspend(&held, "TEST_CHECKPOINT").await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        text("SUSPENDED", "WAITING_TO_RESUME")
    );
    assert_eq!(session.count("engine.slot").await?, 0);
    let data = session.data(&held.run_id).await?;
    assert_eq!(data["snapshot"]["id"], suspended.snapshot_id.as_str());
    assert_eq!(
        (&data["checkpoint"]["type"], &data["checkpoint"]["reason"]),
        (&json!("DOCKER"), &json!("TEST_CHECKPOINT"))
    );
    session.check().await?;

    session.complete_waitpoint(&token).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        text("QUEUED", "WAITING_TO_RESUME")
    );
    session.check().await?;
    let sql = "select run_id, snapshot_id, attempt_number, checkpoint, completed_waitpoints from engine_dequeue()";
    let row = session.client.query_one(sql, &[]).await?;
    let dequeued = Held {
        run_id: row.get(0),
        snapshot_id: row.get(1),
    };
    assert_eq!(row.get::<_, i32>(2), 2);
    let checkpoint: Json<Value> = row.get(3);
    assert_eq!(checkpoint.0["location"], "test-location");
    assert_eq!(checkpoint.0["imageRef"], "test-image-ref");
    let completed: Json<Value> = row.get(4);
    assert_eq!(completed.0[0]["id"], token.as_str());
    let resumed = session.resume(&dequeued).await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        text("EXECUTING", "EXECUTING")
    );
    let data = session.data(&held.run_id).await?;
    assert_eq!(data["run"]["attemptNumber"], 1);
    assert_eq!(data.get("checkpoint"), None);
    assert_eq!(data["completedWaitpoints"][0]["id"], token.as_str());
    session.check().await?;
    let completed = session.complete(&resumed, json!({"ok": true})).await?;
    assert_eq!(completed.run_status, "COMPLETED_SUCCESSFULLY");
    session.check().await
}

/// Spec: C-02, CKP-2.
#[tokio::test]
async fn a_checkpoint_of_another_snapshot_is_discarded() -> Result<()> {
    let session = session().await?;
    let run = session.trigger("test").await?;
    let held = Held {
        run_id: run.run_id.clone(),
        snapshot_id: "invalid-snapshot-id".to_owned(),
    };
    let (ok, error, snapshot_id, _) = session.checkpoint(&held, "no").await?;
    assert_eq!(
        (ok, error.as_deref()),
        (false, Some("Not the latest snapshot"))
    );
    assert_eq!(snapshot_id, run.snapshot_id);
    assert_eq!(session.data(&run.run_id).await?.get("checkpoint"), None);
    assert_eq!(session.count("engine.checkpoint").await?, 0);
    Ok(())
}

/// Spec: C-03.
#[tokio::test]
async fn a_run_is_suspended_twice() -> Result<()> {
    let session = session().await?;
    let mut held = session.executing("test").await?;
    for round in 1..=2 {
        let token = session.token().await?;
        let blocked = session.block(&held.run_id, &[&token]).await?;
        let reason = format!("CHECKPOINT_{round}");
        session.suspend(&blocked.held, &reason).await?;
        session.complete_waitpoint(&token).await?;
        let sql = "select run_id, snapshot_id, checkpoint ->> 'reason' from engine_dequeue()";
        let row = session.client.query_one(sql, &[]).await?;
        assert_eq!(row.get::<_, &str>(2), reason);
        let dequeued = Held {
            run_id: row.get(0),
            snapshot_id: row.get(1),
        };
        held = session.resume(&dequeued).await?;
    }
    assert_eq!(session.count("engine.checkpoint").await?, 2);
    let completed = session.complete(&held, json!({"ok": true})).await?;
    assert_eq!(completed.run_status, "COMPLETED_SUCCESSFULLY");
    session.check().await
}

/// Spec: CKP-3.
#[tokio::test]
async fn a_checkpoint_that_comes_after_its_waitpoint_is_discarded() -> Result<()> {
    let session = session().await?;
    let (held, token) = waiting(&session).await?;
    session.complete_waitpoint(&token).await?;
    let (ok, error, _, status) = session.checkpoint(&held, "late").await?;
    assert_eq!(
        (ok, error.as_deref(), status.as_str()),
        (false, Some("Not the latest snapshot"), "EXECUTING")
    );
    let sql = "select snapshot_id from engine.run_state";
    let latest = Held {
        run_id: held.run_id.clone(),
        snapshot_id: session.client.query_one(sql, &[]).await?.get(0),
    };
    let completed = session.complete(&latest, json!({"ok": true})).await?;
    assert_eq!(completed.run_status, "COMPLETED_SUCCESSFULLY");
    Ok(())
}

/// Spec: C-05, CKP-4.
#[tokio::test]
async fn a_suspended_run_is_not_suspended_again() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let suspended = session.suspend(&held, "FIRST_CHECKPOINT").await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        text("SUSPENDED", "WAITING_TO_RESUME")
    );
    let (ok, error, ..) = session.checkpoint(&suspended, "SECOND").await?;
    let reason = "Status SUSPENDED is not checkpointable";
    assert_eq!((ok, error.as_deref()), (false, Some(reason)));
    let sql = "select body from engine.event where name = 'incomingCheckpointDiscarded'";
    let event: Json<Value> = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(event.0["run"]["id"], held.run_id.as_str());
    assert_eq!(event.0["checkpoint"]["discardReason"], reason);
    assert_eq!(event.0["checkpoint"]["metadata"]["reason"], "SECOND");
    let data = session.data(&held.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "SUSPENDED");
    assert_eq!(data["checkpoint"]["reason"], "FIRST_CHECKPOINT");
    session.check().await
}

/// Spec: C-06, C-07.
#[tokio::test]
async fn a_checkpoint_is_a_row_that_its_snapshot_names() -> Result<()> {
    let session = session().await?;
    let environment = "select engine_set_environment('e', project_id => 'p')";
    session.client.batch_execute(environment).await?;
    session
        .trigger_with("'test', environment_id => 'e'")
        .await?;
    let held = session.take().await?;
    let suspended = session.suspend(&held, "why").await?;
    let sql = "select s.id, k.type::text, k.reason, k.project_id, k.environment_id, s.worker_id \
               from engine.history as s join engine.checkpoint as k on k.id = s.checkpoint_id";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), suspended.snapshot_id);
    for (column, expected) in [(1, "DOCKER"), (2, "why"), (3, "p"), (4, "e")] {
        assert_eq!(row.get::<_, &str>(column), expected);
    }
    let data = session.data(&held.run_id).await?;
    let friendly = format!("snapshot_{}", suspended.snapshot_id);
    assert_eq!(data["snapshot"]["friendlyId"], friendly);
    Ok(())
}

/// Queues a waiting run while its process is alive, which no call does any more. Returns its snapshot.
async fn queue_while_alive(session: &Session, held: &Held) -> Result<String> {
    let run_id = &held.run_id;
    let token = session.token().await?;
    let sql = format!(
        "with s as ( \
             insert into engine.snapshot (shard, run_id, ordinal, id, transition, execution_status, \
                 run_status, attempt_number, position, horizon, created_at, description, completed_waitpoint_ids) \
             select shard, run_id, snapshot_ordinal + 1, snapshot_id || 'z', 'UNBLOCKED', 'QUEUED_EXECUTING', run_status, \
                    attempt_number, nextval('engine.event_position'), 0, now(), 'by hand', '{{{token}}}' \
             from engine.run_state where run_id = '{run_id}'), \
         i as (insert into engine.queue_item (shard, run_id, available_at, environment_id, worker_queue, queue, concurrency_key, is_ahead) \
             select 0, id, queue_timestamp, environment_id, worker_queue, queue, '', true from engine.run where id = '{run_id}'), \
         h as (delete from engine.heartbeat where run_id = '{run_id}'), \
         e as (delete from engine.edge where run_id = '{run_id}') \
         update engine.run_state set snapshot_id = snapshot_id || 'z', snapshot_ordinal = snapshot_ordinal + 1, \
                execution_status = 'QUEUED_EXECUTING', completed_waitpoint_ids = '{{{token}}}' where run_id = '{run_id}'"
    );
    session.client.batch_execute(&sql).await?;
    session.check().await?;
    Ok(format!("{}z", held.snapshot_id))
}

/// Spec: C-09.
#[tokio::test]
async fn a_run_that_waits_for_its_slot_is_frozen_and_stays_queued() -> Result<()> {
    let session = session().await?;
    let (held, _) = waiting(&session).await?;
    let queued = queue_while_alive(&session, &held).await?;
    let place = "select available_at::text from engine.queue_item";
    let before: String = session.client.query_one(place, &[]).await?.get(0);
    // The process was frozen while the run still waited: its snapshot is the one before the latest.
    let (ok, _, snapshot_id, status) = session.checkpoint(&held, "frozen").await?;
    assert_eq!((ok, status.as_str()), (true, "QUEUED"));
    assert_eq!(
        session.status(&held.run_id).await?,
        text("QUEUED", "WAITING_TO_RESUME")
    );
    let data = session.data(&held.run_id).await?;
    assert_eq!(data["snapshot"]["id"], snapshot_id.as_str());
    assert_eq!(data["checkpoint"]["reason"], "frozen");
    let sql = "select previous_snapshot_id from engine.history order by ordinal desc limit 1";
    let previous: String = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(previous, queued);
    let after: String = session.client.query_one(place, &[]).await?.get(0);
    assert_eq!(after, before, "it keeps its place");
    assert_eq!(session.count("engine.slot").await?, 0);
    session.check().await?;
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    session.resume(&dequeued).await?;
    session.check().await
}

/// Spec: C-10.
#[tokio::test]
async fn a_run_that_waits_for_its_slot_gets_it_and_no_worker_gets_the_run() -> Result<()> {
    let session = session().await?;
    let (held, _) = waiting(&session).await?;
    let queued = queue_while_alive(&session, &held).await?;
    assert_eq!(session.dequeue().await?, None);
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    let sql = "select cardinality(completed_waitpoint_ids), previous_snapshot_id, id \
               from engine.history order by ordinal desc limit 1";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(
        (row.get::<_, i32>(0), row.get::<_, &str>(1)),
        (1, queued.as_str())
    );
    let notification = format!(
        "engine.event where name = 'workerNotification' and body #>> '{{snapshot,id}}' = '{}'",
        row.get::<_, &str>(2)
    );
    assert_eq!(session.count(&notification).await?, 1);
    assert_eq!(session.count("engine.slot").await?, 1);
    session.check().await
}

/// Spec: C-11.
#[tokio::test]
async fn a_restore_that_stalls_keeps_all_that_it_carried() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (held, token) = waiting(&session).await?;
    session.suspend(&held, "TEST_CHECKPOINT").await?;
    session.complete_waitpoint(&token).await?;
    session.dequeue().await?.context("nothing is queued")?;
    session.lapse(&held.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    let data = session.data(&held.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "QUEUED");
    assert_eq!(data["checkpoint"]["reason"], "TEST_CHECKPOINT");
    assert_eq!(data["completedWaitpoints"][0]["id"], token.as_str());
    session.make_due(&held.run_id).await?;
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    session.resume(&dequeued).await?;
    session.check().await
}

#[tokio::test]
async fn a_resumed_run_comes_before_younger_ones_and_has_all_attempts_of_the_queue() -> Result<()> {
    let session = session().await?;
    session.trigger_with("'test', priority_ms => 1000").await?;
    let held = session.take().await?;
    let younger = session.trigger("test").await?;
    session
        .client
        .batch_execute("update engine.run_state set queue_attempts = 5")
        .await?;
    let token = session.token().await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    session.suspend(&blocked.held, "why").await?;
    session.complete_waitpoint(&token).await?;
    let sql = "select i.available_at = r.queue_timestamp - interval '1 second', coalesce(s.queue_attempts, 0) \
               from engine.queue_item as i join engine.run as r on r.id = i.run_id \
               join engine.run_state as s on s.run_id = i.run_id where i.run_id = $1";
    let row = session.client.query_one(sql, &[&held.run_id]).await?;
    assert_eq!((row.get::<_, bool>(0), row.get::<_, i32>(1)), (true, 0));
    let order: Vec<String> = session
        .dequeue_many(2)
        .await?
        .into_iter()
        .map(|held| held.run_id)
        .collect();
    assert_eq!(order, [held.run_id, younger.run_id]);
    Ok(())
}

#[tokio::test]
async fn a_suspended_run_gives_its_slot_to_another_and_wins_one_again() -> Result<()> {
    let session = session().await?;
    let environment = "select engine_set_environment('default', concurrency_limit => 1)";
    session.client.batch_execute(environment).await?;
    let (held, token) = waiting(&session).await?;
    session.trigger("other").await?;
    assert_eq!(
        session.dequeue().await?,
        None,
        "a run that waits keeps its slot"
    );
    session.suspend(&held, "why").await?;
    let other = session.take().await?;
    session.complete_waitpoint(&token).await?;
    assert_eq!(session.dequeue().await?, None, "the slot is taken");
    session.check().await?;
    session.complete(&other, json!({"ok": true})).await?;
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    assert_eq!(dequeued.run_id, held.run_id);
    session.check().await
}

#[tokio::test]
async fn only_a_run_that_was_dequeued_after_its_attempt_started_continues() -> Result<()> {
    let session = session().await?;
    session.trigger("test").await?;
    let dequeued = session.dequeue().await?.context("nothing is queued")?;
    let continue_with = |held: &Held| {
        format!(
            "select engine_continue('{}', '{}')",
            held.run_id, held.snapshot_id
        )
    };
    let refused = session.refused(&continue_with(&dequeued)).await?;
    assert_eq!(refused.code, "RE004");
    let held = session.start(&dequeued).await?;
    assert_eq!(
        session.refused(&continue_with(&dequeued)).await?.code,
        "RE002"
    );
    assert_eq!(session.refused(&continue_with(&held)).await?.code, "RE004");
    Ok(())
}

#[tokio::test]
async fn a_run_that_was_frozen_in_its_queue_carries_that_into_its_first_attempt() -> Result<()> {
    for dequeue in [
        "select run_id from engine_dequeue()",
        "select run_id from engine_work()",
    ] {
        let session = Session::open(&Database::fresh().await?).await?;
        let run = session.trigger("test").await?;
        assert_eq!(session.checkpoint(&run, "frozen").await?.3, "SUSPENDED");
        let unblock = format!("select * from engine_unblock('{}')", run.run_id);
        session.client.query_one(&unblock, &[]).await?;
        let run_id: String = session.client.query_one(dequeue, &[]).await?.get(0);
        assert_eq!(run_id, run.run_id);
        let sql = "select count(*) filter (where checkpoint_id is null) from engine.snapshot
                   where transition = 'DEQUEUED' and run_id = $1";
        let without: i64 = session.client.query_one(sql, &[&run_id]).await?.get(0);
        assert_eq!(without, 0, "{dequeue}");
        session.check().await?;
    }
    Ok(())
}
