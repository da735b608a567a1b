//! The end of a child against its parent's wait, in both orders, forced by open transactions.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};

use crate::wait::{begin, commit, success, waiting};

/// A parent that waits for two executing children.
async fn family(session: &Session) -> Result<(Held, Held, Held)> {
    let parent = session.executing("parent").await?;
    let sql = "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object( \
               'task', 'child', 'parent_run_id', $1::text, 'resume_parent', true)) from generate_series(1, 2)))";
    session.client.query_one(sql, &[&parent.run_id]).await?;
    Ok((parent, session.take().await?, session.take().await?))
}

#[tokio::test]
async fn two_children_that_end_at_once_wake_their_parent_once() -> Result<()> {
    let database = Database::fresh().await?;
    let (session, other) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let (parent, one, two) = family(&session).await?;
    begin(&session).await?;
    success(&session, &one).await?;
    // The first session holds the parent: the second does not wait for it.
    success(&other, &two).await?;
    commit(&session).await?;
    assert_eq!(
        other.execution_status(&parent.run_id).await?,
        "EXECUTING_WITH_WAITPOINTS"
    );
    other.check().await?;
    other.tick().await?;
    let data = other.data(&parent.run_id).await?;
    assert_eq!(data["snapshot"]["executionStatus"], "EXECUTING");
    assert_eq!(
        data["completedWaitpoints"].as_array().map(Vec::len),
        Some(2)
    );
    other.check().await
}

#[tokio::test]
async fn a_child_that_ends_while_its_parent_begins_to_wait_is_waited_for() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let child = session.executing("child").await?;
    let parent = session.executing("parent").await?;
    // The wait comes first: the end of the child waits for it.
    begin(&session).await?;
    let sql = "select waitpoint_id from engine_run_waitpoint($1)";
    let waitpoint: String = session
        .client
        .query_one(sql, &[&child.run_id])
        .await?
        .get(0);
    session.block(&parent.run_id, &[&waitpoint]).await?;
    let end = waiting(&database, async move |other| success(&other, &child).await).await?;
    commit(&session).await?;
    end.await??;
    assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    session.check().await?;
    // The end comes first: a session that blocks waits for it, and finds the waitpoint completed.
    let child = session.executing("child").await?;
    begin(&session).await?;
    success(&session, &child).await?;
    let run_id = child.run_id.clone();
    let asked = waiting(&database, async move |other| {
        let sql = "select status, output from engine_run_waitpoint($1)";
        let row = other.client.query_one(sql, &[&run_id]).await?;
        Ok((row.get::<_, String>(0), row.get::<_, Option<String>>(1)))
    })
    .await?;
    commit(&session).await?;
    assert_eq!(
        asked.await??,
        ("COMPLETED".to_owned(), Some("1".to_owned()))
    );
    session.check().await
}

#[tokio::test]
async fn the_end_of_a_child_waits_for_a_block_and_a_block_for_the_end() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    for block_is_first in [true, false] {
        let child = session.executing("child").await?;
        let parent = session.executing("parent").await?;
        let sql = "select waitpoint_id from engine_run_waitpoint($1)";
        let waitpoint: String = session
            .client
            .query_one(sql, &[&child.run_id])
            .await?
            .get(0);
        begin(&session).await?;
        let (run_id, held) = (parent.run_id.clone(), child.clone());
        let second = if block_is_first {
            session.block(&run_id, &[&waitpoint]).await?;
            waiting(&database, async move |other| success(&other, &held).await).await?
        } else {
            success(&session, &held).await?;
            waiting(&database, async move |other| {
                other.block(&run_id, &[&waitpoint]).await.map(drop)
            })
            .await?
        };
        commit(&session).await?;
        second.await??;
        session.check().await?;
        session.tick().await?;
        assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
        session.check().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_parent_is_locked_while_its_child_is_brand_new() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let parent = session.executing("parent").await?;
    begin(&session).await?;
    let arguments = format!(
        "'child', parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    session.trigger_with(&arguments).await?;
    let run_id = parent.run_id.clone();
    let cancel = waiting(&database, async move |other| {
        let sql = "select execution_status from engine_cancel($1)";
        let row = other.client.query_one(sql, &[&run_id]).await?;
        Ok(row.get::<_, String>(0))
    })
    .await?;
    commit(&session).await?;
    assert_eq!(cancel.await??, "PENDING_CANCEL");
    session.check().await?;
    // The other way round: a parent that is being cancelled triggers nothing.
    let parent = session.take().await.context("the child is queued")?;
    begin(&session).await?;
    let sql = "select engine_cancel($1)";
    session.client.query_one(sql, &[&parent.run_id]).await?;
    let trigger = format!(
        "select engine_trigger('child', parent_run_id => '{}', resume_parent => true)",
        parent.run_id
    );
    let refused = waiting(&database, async move |other| other.refused(&trigger).await).await?;
    commit(&session).await?;
    assert_eq!(refused.await??.code, "RE004");
    session.check().await
}
