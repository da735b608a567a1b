//! Full queues and environments whose runs wait for queued ones.

use anyhow::Result;
use engine_harness::{Held, Session};

use super::{advice, session};

#[tokio::test]
async fn advice_shows_a_full_queue_whose_runs_wait_for_queued_ones() -> Result<()> {
    let session = session().await?;
    let limit = "select engine_set_queue('q', concurrency_limit => 2)";
    session.client.batch_execute(limit).await?;
    let mut parents = Vec::new();
    for _ in 0..2 {
        session.trigger_with("'parent', queue => 'q'").await?;
        parents.push(session.take().await?);
    }
    let child = |parent: &Held, more: &str| {
        format!(
            "'child', queue => 'q', parent_run_id => '{}', resume_parent => true{more}",
            parent.run_id
        )
    };
    session.trigger_with(&child(&parents[0], "")).await?;
    assert_eq!(advice(&session).await?, [], "the other parent still works");
    session
        .trigger_with(&child(&parents[1], ", ttl => '1h'"))
        .await?;
    assert_eq!(
        advice(&session).await?,
        [],
        "the second child expires, and its parent continues"
    );
    session.trigger_with(&child(&parents[1], "")).await?;
    let found = advice(&session).await?;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "q");
    for parent in &parents {
        assert!(found[0].1.contains(&parent.run_id), "{found:?}");
    }
    let raise = "select engine_set_queue('q', concurrency_limit => 3)";
    session.client.batch_execute(raise).await?;
    assert_eq!(advice(&session).await?, []);
    session.take().await?;
    assert_eq!(advice(&session).await?, []);
    session.check().await
}

#[tokio::test]
async fn advice_shows_a_full_environment_whose_runs_wait_for_queued_ones() -> Result<()> {
    for (limit, burst_factor) in [(2, 1), (1, 2)] {
        let session = session().await?;
        let set = |limit: i32| {
            format!(
                "select engine_set_environment('e', concurrency_limit => {limit}, burst_factor => {burst_factor})"
            )
        };
        session.client.batch_execute(&set(limit)).await?;
        let mut parents = Vec::new();
        for queue in ["a", "b"] {
            session
                .trigger_with(&format!(
                    "'parent', environment_id => 'e', queue => '{queue}'"
                ))
                .await?;
            parents.push(session.take().await?);
        }
        for (parent, queue) in parents.iter().zip(["c", "d"]) {
            assert_eq!(advice(&session).await?, [], "a parent still works");
            session
                .trigger_with(&format!(
                    "'child', environment_id => 'e', queue => '{queue}', parent_run_id => '{}', resume_parent => true",
                    parent.run_id
                ))
                .await?;
        }
        let found = advice(&session).await?;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "e");
        for parent in &parents {
            assert!(found[0].1.contains(&parent.run_id), "{found:?}");
        }
        session.client.batch_execute(&set(limit + 1)).await?;
        assert_eq!(advice(&session).await?, []);
        session.take().await?;
        assert_eq!(advice(&session).await?, []);
        session.check().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_queue_that_may_not_use_the_burst_of_its_environment_is_full_by_its_limit() -> Result<()>
{
    let session = session().await?;
    let limit = "select engine_set_environment('e', concurrency_limit => 1, burst_factor => 3)";
    session.client.batch_execute(limit).await?;
    let of_queue = "environment_id => 'e', queue => 'q'";
    session
        .trigger_with(&format!("'parent', {of_queue}"))
        .await?;
    let parent = session.take().await?;
    let child = format!(
        "'child', {of_queue}, parent_run_id => '{}', resume_parent => true",
        parent.run_id
    );
    session.trigger_with(&child).await?;
    assert!(session.dequeue().await?.is_none());
    let found = advice(&session).await?;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "q");
    session.check().await
}

/// A run of a queue whose end its parent waits for.
async fn child(session: &Session, parent: &Held, queue: &str, more: &str) -> Result<()> {
    let options = format!(
        "'child', queue => '{queue}', parent_run_id => '{}', resume_parent => true{more}",
        parent.run_id
    );
    session.trigger_with(&options).await?;
    Ok(())
}

/// An executing run of a queue.
async fn parent(session: &Session, queue: &str) -> Result<Held> {
    session
        .trigger_with(&format!("'parent', queue => '{queue}'"))
        .await?;
    session.take().await
}

/// A database whose queues `a` and `b` have a slot each.
async fn two_queues() -> Result<Session> {
    let session = session().await?;
    let limits =
        "select engine_set_queue(q, concurrency_limit => 1) from unnest(array['a', 'b']) as q";
    session.client.query(limits, &[]).await?;
    Ok(session)
}

async fn subjects(session: &Session) -> Result<Vec<String>> {
    let found = advice(session).await?;
    Ok(found.into_iter().map(|(subject, _)| subject).collect())
}

#[tokio::test]
async fn advice_shows_full_queues_whose_runs_wait_for_queued_ones_of_each_other() -> Result<()> {
    let session = two_queues().await?;
    let (one, other) = (parent(&session, "a").await?, parent(&session, "b").await?);
    child(&session, &one, "b", "").await?;
    assert_eq!(subjects(&session).await?, [""; 0], "the other parent works");
    child(&session, &other, "a", ", ttl => '1h'").await?;
    assert_eq!(subjects(&session).await?, [""; 0], "this child expires");
    child(&session, &other, "a", "").await?;
    let found = advice(&session).await?;
    assert_eq!(subjects(&session).await?, ["a", "b"]);
    for ((_, detail), held) in found.iter().zip([&one, &other]) {
        assert!(detail.contains(&held.run_id), "{detail}");
    }
    let raise = "select engine_set_queue('b', concurrency_limit => 2)";
    session.client.batch_execute(raise).await?;
    assert_eq!(subjects(&session).await?, [""; 0]);
    session.check().await
}

#[tokio::test]
async fn advice_shows_a_full_queue_whose_run_waits_for_a_queued_grandchild() -> Result<()> {
    let session = two_queues().await?;
    let first = parent(&session, "a").await?;
    child(&session, &first, "b", "").await?;
    let second = session.take().await?;
    assert_eq!(subjects(&session).await?, [""; 0], "the child works");
    child(&session, &second, "a", "").await?;
    let found = advice(&session).await?;
    assert_eq!(subjects(&session).await?, ["a"]);
    assert!(found[0].1.contains(&first.run_id), "{found:?}");
    // What waits for that queue is stuck with it.
    let third = parent(&session, "c").await?;
    let limit = "select engine_set_queue('c', concurrency_limit => 1)";
    session.client.batch_execute(limit).await?;
    session.tick().await?;
    child(&session, &third, "a", "").await?;
    assert_eq!(subjects(&session).await?, ["a"], "no run waits for queue c");
    let cancel = format!("'{}', finalize => true", second.run_id);
    session.cancel(&cancel).await?;
    session.tick().await?;
    assert_eq!(subjects(&session).await?, [""; 0]);
    session.check().await
}

#[tokio::test]
async fn advice_shows_every_full_queue_that_waits_for_one_that_is_stuck() -> Result<()> {
    let session = two_queues().await?;
    let (stuck, behind) = (parent(&session, "a").await?, parent(&session, "b").await?);
    let waits = parent(&session, "c").await?;
    child(&session, &behind, "a", "").await?;
    child(&session, &waits, "b", "").await?;
    assert_eq!(subjects(&session).await?, [""; 0]);
    child(&session, &stuck, "a", "").await?;
    assert_eq!(subjects(&session).await?, ["a", "b"]);
    session.check().await
}
