//! Which attempt makes a run wait: the one that holds it.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::json;

fn block(held: &Held, token: &str) -> String {
    let (run, snapshot) = (&held.run_id, &held.snapshot_id);
    format!(
        "select snapshot_id from engine_block('{run}', '{{{token}}}', snapshot_id => '{snapshot}')"
    )
}

async fn blocked(session: &Session, held: &Held, token: &str) -> Result<Held> {
    let row = session.client.query_one(&block(held, token), &[]).await?;
    Ok(Held {
        run_id: held.run_id.clone(),
        snapshot_id: row.get(0),
    })
}

async fn is_refused(session: &Session, held: &Held, token: &str) -> Result<()> {
    let refused = session.refused(&block(held, token)).await?;
    assert_eq!(refused.code, "RE002", "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn the_wait_of_an_attempt_that_was_lost_is_refused() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let token = session.token().await?;
    session.trigger_with("'test', max_attempts => 3").await?;
    let lost = session.take().await?;
    session.lapse(&lost.run_id).await?;
    session.tick().await?;
    is_refused(&session, &lost, &token).await?;
    session.make_due(&lost.run_id).await?;
    let now = session.take().await?;
    assert_eq!(now.run_id, lost.run_id);
    is_refused(&session, &lost, &token).await?;
    assert_eq!(session.status(&now.run_id).await?.0, "EXECUTING");
    assert_eq!(session.edges(&now.run_id).await?, 0);
    let waiting = blocked(&session, &now, &token).await?;
    is_refused(&session, &lost, &token).await?;
    session.complete(&waiting, json!({"ok": true})).await?;
    session.check().await
}

#[tokio::test]
async fn a_wait_may_be_repeated_and_extended_with_the_snapshot_from_before_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (one, two) = (session.token().await?, session.token().await?);
    let held = session.executing("test").await?;
    let waiting = blocked(&session, &held, &one).await?;
    assert_ne!(waiting.snapshot_id, held.snapshot_id);
    for at in [&held, &waiting] {
        assert_eq!(blocked(&session, at, &one).await?, waiting);
        assert_eq!(blocked(&session, at, &two).await?, waiting);
    }
    assert_eq!(session.edges(&held.run_id).await?, 2);
    session.complete_waitpoint(&one).await?;
    session.complete_waitpoint(&two).await?;
    session.tick().await?;
    let (status, _) = session.status(&held.run_id).await?;
    assert_eq!(status, "EXECUTING");
    // It has continued: these snapshots are those of a wait that is over.
    for at in [&held, &waiting] {
        is_refused(&session, at, &one).await?;
    }
    let data = session.data(&held.run_id).await?;
    let snapshot_id = data["snapshot"]["id"].as_str().context("no snapshot")?;
    let now = Held {
        snapshot_id: snapshot_id.to_owned(),
        ..held
    };
    session.complete(&now, json!({"ok": true})).await?;
    session.check().await
}
