//! Second chances: dead letters are requeued, and a new run can do any run's work again.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::json;

/// A run that the queue gave up.
async fn dead_letter(session: &Session) -> Result<Held> {
    session.trigger("test").await?;
    let held = session.take().await?;
    session.lapse(&held.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    Ok(held)
}

/// A session whose queue gives up at once.
async fn open() -> Result<Session> {
    let database = Database::fresh().await?;
    database.set("engine.queue_max_attempts", "1").await?;
    Session::open(&database).await
}

async fn redrive(session: &Session, run_id: &str) -> Result<(String, String)> {
    let sql = "select execution_status, run_status from engine_redrive($1)";
    let row = session.client.query_one(sql, &[&run_id]).await?;
    Ok((row.get(0), row.get(1)))
}

fn status(execution: &str, run: &str) -> (String, String) {
    (execution.to_owned(), run.to_owned())
}

#[tokio::test]
async fn a_dead_letter_that_is_redriven_keeps_its_identity_and_continues_where_it_was() -> Result<()>
{
    let session = open().await?;
    let dead = dead_letter(&session).await?;
    assert_eq!(
        session.status(&dead.run_id).await?,
        status("FINISHED", "SYSTEM_FAILURE")
    );
    assert_eq!(
        session
            .count("engine.run_state where is_dead_lettered")
            .await?,
        1
    );
    assert_eq!(
        redrive(&session, &dead.run_id).await?,
        status("QUEUED", "PENDING")
    );
    let as_new = "engine.run_state where not is_dead_lettered and queue_attempts is null and error is null \
                  and completed_at is null";
    assert_eq!(session.count(as_new).await?, 1);

    let held = session.take().await?;
    assert_eq!(held.run_id, dead.run_id);
    assert_eq!(session.data(&held.run_id).await?["run"]["attemptNumber"], 2);
    let done = session.complete(&held, json!({"ok": true})).await?;
    assert_eq!(done.run_status, "COMPLETED_SUCCESSFULLY");
    session.check().await
}

#[tokio::test]
async fn a_redrive_gives_the_run_all_attempts_of_the_queue_again() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.queue_max_attempts", "2").await?;
    let session = Session::open(&database).await?;
    let run = session.trigger_with("'test', max_attempts => 100").await?;
    for _ in 0..2 {
        for expected in ["QUEUED", "FINISHED"] {
            session.make_due(&run.run_id).await?;
            session.take().await?;
            session.lapse(&run.run_id).await?;
            assert_eq!(session.tick().await?, 1);
            assert_eq!(session.status(&run.run_id).await?.0, expected);
        }
        redrive(&session, &run.run_id).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_its_handler_ended_or_that_has_not_ended_is_not_redriven() -> Result<()> {
    let session = open().await?;
    let queued = session.trigger("test").await?;
    let refused = session
        .refused(&format!("select engine_redrive('{}')", queued.run_id))
        .await?;
    assert_eq!(refused.code, "RE004");
    let held = session.take().await?;
    session
        .complete(
            &held,
            json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}}),
        )
        .await?;
    let refused = session
        .refused(&format!("select engine_redrive('{}')", held.run_id))
        .await?;
    assert_eq!(refused.code, "RE004");
    assert!(refused.hint.contains("engine_replay"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_run_is_redriven_that_ended_although_its_handler_had_not_said_so() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for (code, expected) in [
        ("TASK_PROCESS_SIGSEGV", "CRASHED"),
        ("MAX_DURATION_EXCEEDED", "TIMED_OUT"),
        ("GRACEFUL_EXIT_TIMEOUT", "SYSTEM_FAILURE"),
    ] {
        session.trigger("test").await?;
        let held = session.take().await?;
        let error = json!({"type": "INTERNAL_ERROR", "code": code});
        session
            .complete(&held, json!({"ok": false, "error": error, "retry": false}))
            .await?;
        let ended = session.status(&held.run_id).await?;
        if ended.1 != expected {
            println!("{code} ends as {}", ended.1);
        }
        assert_eq!(ended.0, "FINISHED");
        if ended.1 == "COMPLETED_WITH_ERRORS" {
            continue;
        }
        assert_eq!(
            redrive(&session, &held.run_id).await?,
            status("QUEUED", "PENDING")
        );
        let again = session.take().await?;
        assert_eq!(again.run_id, held.run_id);
        session.complete(&again, json!({"ok": true})).await?;
    }
    // A run whose time to live passed.
    let waiting = session.trigger_with("'test', ttl => '1s'").await?;
    let overdue = "update engine.queue_item set expires_at = now() - interval '1 s'";
    session.client.batch_execute(overdue).await?;
    session.tick().await?;
    assert_eq!(
        session.status(&waiting.run_id).await?,
        status("FINISHED", "EXPIRED")
    );
    redrive(&session, &waiting.run_id).await?;
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    // A cancel was requested.
    let cancelled = session.trigger("test").await?;
    let cancel = format!("select engine_cancel('{}')", cancelled.run_id);
    session.client.query(&cancel, &[]).await?;
    let refused = format!("select engine_redrive('{}')", cancelled.run_id);
    assert_eq!(session.refused(&refused).await?.code, "RE004");
    session.check().await
}

#[tokio::test]
async fn a_dead_letter_is_redriven_once() -> Result<()> {
    let session = open().await?;
    let dead = dead_letter(&session).await?;
    redrive(&session, &dead.run_id).await?;
    let refused = session
        .refused(&format!("select engine_redrive('{}')", dead.run_id))
        .await?;
    assert_eq!(refused.code, "RE004");
    assert_eq!(session.count("engine.queue_item").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_that_a_stray_item_was_found_of_can_be_redriven() -> Result<()> {
    let session = open().await?;
    let dead = dead_letter(&session).await?;
    session.put_stray(&dead.run_id).await?;
    assert_eq!(session.dequeue().await?, None);
    redrive(&session, &dead.run_id).await?;
    session.check().await?;
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    Ok(())
}

#[tokio::test]
async fn a_replay_does_the_same_work_as_a_new_run_whatever_became_of_the_old_one() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let old = session
        .trigger_with(
            r#"'mail', '{"to": "ä"}', queue => 'q', worker_queue => 'main', concurrency_key => 'k', priority_ms => 5,
               max_attempts => 7, max_duration_seconds => 60, machine => 'large-1x', tags => array['a', 'b'],
               metadata => '{"x": 1}', is_test => true, trace_context => '{"spanId": "s"}', annotations => '{"y": 2}',
               retry => '{"maxAttempts": 2}'"#,
        )
        .await?;
    let sql = "select run_id, run_status, execution_status from engine_replay($1)";
    let row = session
        .client
        .query_one(sql, &[&format!("run_{}", old.run_id)])
        .await?;
    let new: String = row.get(0);
    assert_eq!(
        (row.get::<_, &str>(1), row.get::<_, &str>(2)),
        ("PENDING", "QUEUED")
    );
    assert_ne!(new, old.run_id);

    let of = "select to_jsonb(r) - array['id', 'created_at', 'queue_timestamp', 'replayed_from'] from engine.run as r";
    let sql =
        format!("select a = b from ({of} where id = $1) as x(a), ({of} where id = $2) as y(b)");
    let row = session.client.query_one(&sql, &[&old.run_id, &new]).await?;
    assert!(row.get::<_, bool>(0), "something is not as it was");
    let sql = "select run_id from engine_dequeue(max_runs => 2) where is_replay";
    let replayed: String = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(replayed, new);
    let replay = format!(
        "engine.run where id = '{new}' and replayed_from = '{}'",
        old.run_id
    );
    assert_eq!(session.count(&replay).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_finished_run_can_be_replayed_and_stays_as_it_is() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    session
        .client
        .query_one("select engine_replay($1)", &[&held.run_id])
        .await?;
    assert_eq!(
        session.status(&held.run_id).await?,
        status("FINISHED", "COMPLETED_SUCCESSFULLY")
    );
    let again = session.dequeue().await?.context("nothing is queued")?;
    assert_eq!(session.start(&again).await?.run_id, again.run_id);
    assert_eq!(
        session.data(&again.run_id).await?["run"]["attemptNumber"],
        1
    );
    Ok(())
}

#[tokio::test]
async fn a_run_that_began_finished_is_redriven_and_handed_out_as_any_other() -> Result<()> {
    let session = open().await?;
    let failed = r#"'{"task": "test"}', '{"type": "STRING_ERROR", "raw": "x"}'"#;
    for hand_out in [
        "engine_dequeue()",
        "engine_work() where kind = 'started'",
        "engine_dequeue() as d, engine_start_attempt(d.run_id, d.snapshot_id)",
    ] {
        let sql = format!("select run_id from engine_create_failed_run({failed})");
        let run_id: String = session.client.query_one(&sql, &[]).await?.get(0);
        redrive(&session, &run_id).await?;
        let handed_out = session
            .client
            .query(&format!("select * from {hand_out}"), &[])
            .await?;
        assert_eq!(handed_out.len(), 1, "{hand_out}");
        session.check().await?;
    }
    Ok(())
}
