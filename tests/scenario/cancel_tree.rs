//! Cancelling a run that has triggered others. The tick cancels them.

use anyhow::Result;
use engine_harness::{Database, Event, Held, Session};
use serde_json::json;

use crate::reported::cancel_confirmed;

/// Triggers a run by `parent`.
async fn child_of(session: &Session, parent: &Held, span: &str) -> Result<Held> {
    let parent = &parent.run_id;
    let arguments = format!(
        r#"'child', parent_run_id => '{parent}', trace_context => '{{"spanId": "{span}"}}'"#
    );
    session.trigger_with(&arguments).await
}

/// An executing run.
async fn executing(session: &Session, span: &str) -> Result<Held> {
    session
        .trigger_with(&format!(
            r#"'parent', trace_context => '{{"spanId": "{span}"}}'"#
        ))
        .await?;
    session.take().await
}

async fn events_named(session: &Session, name: &str) -> Result<Vec<Event>> {
    let mut events = session.all_events(0).await?;
    events.retain(|event| event.name == name);
    Ok(events)
}

async fn cancel_children(session: &Session) -> Result<i32> {
    session.tick_of("cancelled_child").await
}

async fn reason(session: &Session, run: &Held) -> Result<String> {
    let sql = "select error ->> 'raw' from engine.run_state where run_id = $1";
    Ok(session.client.query_one(sql, &[&run.run_id]).await?.get(0))
}

fn status(execution: &str, run: &str) -> (String, String) {
    (execution.to_owned(), run.to_owned())
}

/// Spec: CAN-1.
#[tokio::test]
async fn a_parent_that_is_cancelled_cancels_its_child_once_it_has_ended() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let parent = executing(&session, "parent").await?;
    child_of(&session, &parent, "child").await?;
    let child = session.take().await?;

    let arguments = format!(
        "'{}', 'Cancelled by the user', completed_at => now()",
        parent.run_id
    );
    let asked = session.cancel(&arguments).await?;
    assert_eq!(asked.execution_status, "PENDING_CANCEL");
    let notified = events_named(&session, "workerNotification").await?;
    assert_eq!(notified.len(), 1);
    assert_eq!(notified[0].run_id, parent.run_id);
    assert_eq!(
        session.status(&parent.run_id).await?,
        status("PENDING_CANCEL", "CANCELED")
    );
    assert_eq!(events_named(&session, "runCancelled").await?.len(), 0);
    assert_eq!(
        cancel_children(&session).await?,
        0,
        "before its worker has stopped"
    );

    session.complete(&asked.latest, cancel_confirmed()).await?;
    assert_eq!(
        session.status(&parent.run_id).await?,
        status("FINISHED", "CANCELED")
    );
    let cancelled = events_named(&session, "runCancelled").await?;
    assert_eq!(cancelled.len(), 1);
    assert_eq!(cancelled[0].body["run"]["spanId"], "parent");

    assert_eq!(cancel_children(&session).await?, 1);
    let notified = events_named(&session, "workerNotification").await?;
    assert_eq!(notified.len(), 2);
    assert_eq!(notified[1].run_id, child.run_id);
    assert_eq!(
        session.status(&child.run_id).await?,
        status("PENDING_CANCEL", "CANCELED")
    );

    let latest = Held {
        snapshot_id: session.data(&child.run_id).await?["snapshot"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        ..child
    };
    let confirmed = session.complete(&latest, cancel_confirmed()).await?;
    assert_eq!(
        (
            confirmed.execution_status.as_str(),
            confirmed.run_status.as_str()
        ),
        ("FINISHED", "CANCELED")
    );
    let cancelled = events_named(&session, "runCancelled").await?;
    assert_eq!(cancelled.len(), 2);
    assert_eq!(cancelled[1].body["run"]["spanId"], "child");
    assert_eq!(session.count("engine.slot").await?, 0);
    Ok(())
}

/// Spec: A-07.
#[tokio::test]
async fn a_cancel_goes_down_the_whole_tree() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let root = executing(&session, "root").await?;
    child_of(&session, &root, "child").await?;
    let child = session.take().await?;
    let grandchild = child_of(&session, &child, "grandchild").await?;
    let great_grandchild = child_of(&session, &grandchild, "great").await?;
    session
        .cancel(&format!("'{}', finalize => true", root.run_id))
        .await?;

    assert_eq!(
        cancel_children(&session).await?,
        1,
        "the child, whose worker is asked"
    );
    assert_eq!(
        cancel_children(&session).await?,
        0,
        "no other run before it has stopped"
    );
    session.lapse(&child.run_id).await?;
    assert_eq!(
        cancel_children(&session).await?,
        1,
        "the tick that ends the child cancels the grandchild, too"
    );
    assert_eq!(
        session.status(&grandchild.run_id).await?,
        status("FINISHED", "CANCELED"),
        "in the queue: ends at once"
    );
    assert_eq!(cancel_children(&session).await?, 1);
    for run in [&root, &child, &grandchild, &great_grandchild] {
        assert_eq!(
            session.status(&run.run_id).await?,
            status("FINISHED", "CANCELED")
        );
    }
    assert_eq!(events_named(&session, "runCancelled").await?.len(), 4);
    assert_eq!(
        session.count("engine.timer").await? + session.count("engine.heartbeat").await?,
        0
    );
    Ok(())
}

/// Spec: CAN-N5.
#[tokio::test]
async fn children_are_cancelled_for_their_parents_reason() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let parent = session.trigger("parent").await?;
    let child = child_of(&session, &parent, "child").await?;
    session
        .cancel(&format!("'{}', 'too late'", parent.run_id))
        .await?;
    assert_eq!(cancel_children(&session).await?, 1);
    assert_eq!(reason(&session, &child).await?, "too late");
    Ok(())
}

/// Spec: CAN-N5.
#[tokio::test]
async fn the_reason_that_was_given_first_reaches_the_children_of_a_run_whose_worker_confirms()
-> Result<()> {
    for confirmed_by_tick in [false, true] {
        let session = Session::open(&Database::fresh().await?).await?;
        let parent = executing(&session, "parent").await?;
        let child = child_of(&session, &parent, "child").await?;
        let asked = session
            .cancel(&format!("'{}', 'too late'", parent.run_id))
            .await?;
        if confirmed_by_tick {
            session.lapse(&parent.run_id).await?;
            assert_eq!(session.tick().await?, 1);
        } else {
            session.complete(&asked.latest, cancel_confirmed()).await?;
        }
        cancel_children(&session).await?;
        assert_eq!(
            session.status(&child.run_id).await?,
            status("FINISHED", "CANCELED")
        );
        assert_eq!(reason(&session, &parent).await?, "too late");
        assert_eq!(
            reason(&session, &child).await?,
            "too late",
            "by the tick: {confirmed_by_tick}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_child_ends_when_its_parent_did_and_one_that_is_over_stays_as_it_is() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let parent = executing(&session, "parent").await?;
    let queued = child_of(&session, &parent, "queued").await?;
    session.make_due(&queued.run_id).await?;
    let done = session.take().await?;
    let queued = child_of(&session, &parent, "queued").await?;
    let arguments = format!(
        "'{}', finalize => true, completed_at => '2026-05-20T12:00:00Z'",
        parent.run_id
    );
    session.cancel(&arguments).await?;
    assert_eq!(session.count("engine.timer").await?, 2);
    session.complete(&done, json!({"ok": true})).await?;
    assert_eq!(cancel_children(&session).await?, 2, "both are looked at");
    assert_eq!(
        session.status(&done.run_id).await?.1,
        "COMPLETED_SUCCESSFULLY"
    );
    let ended = "engine.run_state where run_id = $1 and completed_at = '2026-05-20T12:00:00Z'";
    let sql = format!("select count(*) from {ended}");
    let row = session.client.query_one(&sql, &[&queued.run_id]).await?;
    assert_eq!(row.get::<_, i64>(0), 1);
    Ok(())
}

#[tokio::test]
async fn a_parent_that_fails_leaves_its_children_alone() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let parent = executing(&session, "parent").await?;
    let child = child_of(&session, &parent, "child").await?;
    let failure = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}});
    session.complete(&parent, failure).await?;
    assert_eq!(cancel_children(&session).await?, 0);
    assert_eq!(
        session.status(&child.run_id).await?,
        status("QUEUED", "PENDING")
    );
    Ok(())
}
