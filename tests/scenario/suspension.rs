//! Suspended runs that no call wakes, and cancelled families.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::json;

/// A session of a database where a suspended run is checked after a second.
async fn session() -> Result<Session> {
    let database = Database::fresh().await?;
    database
        .set("engine.heartbeat_suspended_ms", "1000")
        .await?;
    Session::open(&database).await
}

/// Moves the deadline of a run by this many milliseconds, and ticks.
async fn after(session: &Session, run_id: &str, ms: f64) -> Result<()> {
    let sql = "update engine.heartbeat set check_at = check_at - $2 * interval '1 millisecond', \
               deadline_at = deadline_at - $2 * interval '1 millisecond' where run_id = $1";
    session.client.execute(sql, &[&run_id, &ms]).await?;
    session.tick().await.map(drop)
}

async fn delete_edges(session: &Session) -> Result<()> {
    Ok(session
        .client
        .batch_execute("delete from engine.edge")
        .await?)
}

/// Spec: A-01, HB-5.
#[tokio::test]
async fn a_wait_for_a_person_is_not_looked_at_again_soon() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    assert_eq!(blocked.execution_status, "EXECUTING_WITH_WAITPOINTS");
    session.suspend(&blocked.held, "why").await?;
    after(&session, &held.run_id, 1500.0).await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "SUSPENDED");
    session.check().await?;
    delete_edges(&session).await?;
    after(&session, &held.run_id, 2000.0).await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "SUSPENDED");
    // The engine checks again, after six hours at most.
    after(&session, &held.run_id, 6.0 * 3_600_000.0).await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "QUEUED");
    session.check().await
}

/// Spec: A-02, HB-6.
#[tokio::test]
async fn a_wait_for_a_run_is_looked_at_again() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "'child', parent_run_id => '{}', resume_parent => true, worker_queue => 'other'",
        parent.run_id
    );
    session.trigger_with(&arguments).await?;
    let data = session.data(&parent.run_id).await?;
    assert_eq!(
        data["snapshot"]["executionStatus"],
        "EXECUTING_WITH_WAITPOINTS"
    );
    let waiting = Held {
        run_id: parent.run_id.clone(),
        snapshot_id: data["snapshot"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    };
    session.suspend(&waiting, "why").await?;
    after(&session, &parent.run_id, 1500.0).await?;
    assert_eq!(session.execution_status(&parent.run_id).await?, "SUSPENDED");
    delete_edges(&session).await?;
    after(&session, &parent.run_id, 2000.0).await?;
    assert_eq!(session.execution_status(&parent.run_id).await?, "QUEUED");
    Ok(())
}

#[tokio::test]
async fn the_pauses_between_two_looks_grow() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let sql = format!(
        "'child', parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    session.trigger_with(&sql).await?;
    let data = session.data(&parent.run_id).await?;
    let waiting = Held {
        run_id: parent.run_id.clone(),
        snapshot_id: data["snapshot"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    };
    session.suspend(&waiting, "why").await?;
    let pause = "select round(extract(epoch from deadline_at - clock_timestamp()))::integer from engine.heartbeat \
                 where run_id = $1";
    for expected in [1, 2, 4, 8] {
        session.lapse(&parent.run_id).await?;
        session.tick().await?;
        let row = session.client.query_one(pause, &[&parent.run_id]).await?;
        assert_eq!(row.get::<_, i32>(0), expected);
    }
    session
        .client
        .batch_execute("update engine.heartbeat set interval_ms = 1000000000")
        .await?;
    session.lapse(&parent.run_id).await?;
    session.tick().await?;
    let row = session.client.query_one(pause, &[&parent.run_id]).await?;
    assert_eq!(row.get::<_, i32>(0), 6 * 3600);
    session.check().await
}

#[tokio::test]
async fn a_suspended_run_that_was_not_woken_is_found_by_its_deadline() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    session.suspend(&blocked.held, "why").await?;
    let lost = "update engine.waitpoint set status = 'COMPLETED', completed_at = now()";
    session.client.batch_execute(lost).await?;
    let found = "engine_check() where kind = 'wait'";
    assert_eq!(session.count(found).await?, 1);
    session.lapse(&held.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    assert_eq!(session.execution_status(&held.run_id).await?, "QUEUED");
    session.check().await
}

#[tokio::test]
async fn a_run_that_stops_beating_while_it_waits_is_tried_again_without_its_wait() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    session.block(&held.run_id, &[&token]).await?;
    session.lapse(&held.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    assert_eq!(
        session.status(&held.run_id).await?,
        ("QUEUED".to_owned(), "PENDING".to_owned())
    );
    assert_eq!(session.edges(&held.run_id).await?, 0);
    session.check().await
}

/// Spec: A-07.
#[tokio::test]
async fn a_cancelled_parent_takes_its_child_along() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let arguments = format!(
        "'child', parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    let child = session.trigger_with(&arguments).await?;
    session.take().await?;
    let events = |run_id: &str, name: &str| {
        format!("engine.event where run_id = '{run_id}' and name = '{name}'")
    };
    let before = session
        .count(&events(&parent.run_id, "workerNotification"))
        .await?;
    let confirmed =
        json!({"ok": false, "error": {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CANCELLED"}});
    let cancel = "select snapshot_id from engine_cancel($1)";
    let row = session.client.query_one(cancel, &[&parent.run_id]).await?;
    let pending = Held {
        run_id: parent.run_id.clone(),
        snapshot_id: row.get(0),
    };
    assert_eq!(
        session.status(&parent.run_id).await?,
        ("PENDING_CANCEL".to_owned(), "CANCELED".to_owned())
    );
    let after = events(&parent.run_id, "workerNotification");
    assert_eq!(session.count(&after).await?, before + 1);
    session.complete(&pending, confirmed.clone()).await?;
    assert_eq!(
        session
            .count(&events(&parent.run_id, "runCancelled"))
            .await?,
        1
    );
    session.tick().await?;
    let data = session.data(&child.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "PENDING_CANCEL");
    assert_eq!(
        session
            .count(&events(&child.run_id, "workerNotification"))
            .await?,
        1
    );
    let pending = Held {
        run_id: child.run_id.clone(),
        snapshot_id: data["snapshot"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    };
    session.complete(&pending, confirmed).await?;
    assert_eq!(
        session
            .count(&events(&child.run_id, "runCancelled"))
            .await?,
        1
    );
    assert_eq!(session.count("engine.slot").await?, 0);
    session.check().await
}
