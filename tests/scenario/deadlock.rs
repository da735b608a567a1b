//! Waits that never end: the shortest are refused, the longer ones are shown to operators.

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::json;

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// The waitpoint of a run.
async fn waitpoint_of(session: &Session, held: &Held) -> Result<String> {
    let sql = "select waitpoint_id from engine_run_waitpoint($1)";
    let row = session.client.query_one(sql, &[&held.run_id]).await?;
    Ok(row.get(0))
}

/// An executing run that has an idempotency key.
async fn keyed(session: &Session, key: &str) -> Result<Held> {
    session
        .trigger_with(&format!("'test', idempotency_key => '{key}'"))
        .await?;
    session.take().await
}

/// The advice about waits that never end: subject and detail.
async fn advice(session: &Session) -> Result<Vec<(String, String)>> {
    let sql = "select subject, detail from engine.advice \
               where kind = 'deadlock' and is_problem and age >= interval '0' order by subject";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[tokio::test]
async fn a_run_does_not_wait_for_its_own_end() -> Result<()> {
    let session = session().await?;
    let run = keyed(&session, "k").await?;
    let id = &run.run_id;
    let own = waitpoint_of(&session, &run).await?;
    let token = session.token().await?;
    let calls = [
        format!("select engine_block('{id}', array['{own}'])"),
        format!(
            "select engine_block('{id}', array['{token}', '{own}'], batch_indexes => array[0, 1])"
        ),
        format!(
            "select engine_trigger('test', idempotency_key => 'k', parent_run_id => '{id}', resume_parent => true)"
        ),
        format!(
            "select engine_trigger_many('[{{\"task\": \"other\"}}, {{\"task\": \"test\", \"idempotency_key\": \"k\", \
             \"parent_run_id\": \"{id}\", \"resume_parent\": true}}]')"
        ),
    ];
    for call in &calls {
        let refused = session.refused(call).await?;
        assert_eq!(refused.code, "22023", "{call}: {refused:?}");
        assert!(refused.detail.contains("its own end"), "{refused:?}");
    }
    assert_eq!(session.execution_status(id).await?, "EXECUTING");
    let batch = session
        .create_batch(&format!("parent_run_id => '{id}', resume_parent => true"))
        .await?;
    let items = format!(
        "select engine_add_to_batch('{batch}', '[{{\"task\": \"test\", \"idempotency_key\": \"k\"}}]')"
    );
    let refused = session.refused(&items).await?;
    assert!(refused.detail.contains("its own end"), "{refused:?}");
    let single =
        format!("select engine_trigger('test', idempotency_key => 'k', batch_id => '{batch}')");
    let refused = session.refused(&single).await?;
    assert!(refused.detail.contains("its own end"), "{refused:?}");
    let others = format!("engine.edge where waitpoint_id = '{own}'");
    assert_eq!(session.count(&others).await?, 0);
    session.check().await
}

#[tokio::test]
async fn a_run_does_not_wait_for_the_batch_that_it_is_in() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let batch = session
        .create_batch(&format!(
            "parent_run_id => '{}', resume_parent => true",
            parent.run_id
        ))
        .await?;
    session
        .add_to_batch(&batch, json!([{"task": "child"}]))
        .await?;
    let child = session.take().await?;
    let sql = "select id from engine.waitpoint where completed_by_batch_id is not null";
    let waitpoint: String = session.client.query_one(sql, &[]).await?.get(0);
    let call = format!(
        "select engine_block('{}', array['{waitpoint}'])",
        child.run_id
    );
    let refused = session.refused(&call).await?;
    assert_eq!(refused.code, "22023", "{refused:?}");
    session.complete(&child, json!({"ok": true})).await?;
    session.check().await
}

#[tokio::test]
async fn a_wait_for_a_batch_that_does_not_exist_is_refused() -> Result<()> {
    let session = session().await?;
    let run = session.executing("test").await?;
    let token = session.token().await?;
    let environment = "select engine_set_environment('e')";
    session.client.batch_execute(environment).await?;
    let elsewhere = session.create_batch("environment_id => 'e'").await?;
    let given = session.create_batch("").await?;
    let block = |batch: &str| {
        format!(
            "select engine_block('{}', array['{token}'], '{batch}')",
            run.run_id
        )
    };
    for batch in ["nothing", "batch_nothing", &elsewhere] {
        let refused = session.refused(&block(batch)).await?;
        assert_eq!(refused.code, "RE011", "{batch}: {refused:?}");
    }
    assert_eq!(session.execution_status(&run.run_id).await?, "EXECUTING");
    session.client.batch_execute(&block(&given)).await?;
    session.check().await
}

#[tokio::test]
async fn advice_shows_runs_that_wait_for_each_other_in_a_circle() -> Result<()> {
    let session = session().await?;
    let mut runs = Vec::new();
    let mut waitpoints = Vec::new();
    for _ in 0..6 {
        let run = session.executing("test").await?;
        waitpoints.push(waitpoint_of(&session, &run).await?);
        runs.push(run);
    }
    // 0 → 1 → 2 → 0, and beside it a chain into the circle, and one out of it to a run that works.
    session.block(&runs[0].run_id, &[&waitpoints[1]]).await?;
    session.block(&runs[1].run_id, &[&waitpoints[2]]).await?;
    session.block(&runs[3].run_id, &[&waitpoints[0]]).await?;
    session.block(&runs[4].run_id, &[&waitpoints[3]]).await?;
    session.block(&runs[1].run_id, &[&waitpoints[5]]).await?;
    assert_eq!(advice(&session).await?, []);
    session.block(&runs[2].run_id, &[&waitpoints[0]]).await?;
    let mut circle: Vec<&str> = runs[..3].iter().map(|run| run.run_id.as_str()).collect();
    circle.sort_unstable();
    let names: Vec<String> = circle.iter().map(|id| format!("run_{id}")).collect();
    let detail = format!(
        "Runs wait for each other in a circle: {}.",
        names.join(", ")
    );
    assert_eq!(advice(&session).await?, [(names[0].clone(), detail)]);
    session
        .cancel(&format!("'{}', finalize => true", runs[2].run_id))
        .await?;
    session.tick().await?;
    assert_eq!(advice(&session).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_circle_that_a_timeout_ends_is_none() -> Result<()> {
    let session = session().await?;
    let (one, other) = (
        session.executing("test").await?,
        session.executing("test").await?,
    );
    let (first, second) = (
        waitpoint_of(&session, &one).await?,
        waitpoint_of(&session, &other).await?,
    );
    let timed = "select engine_block($1, array[$2::text], timeout_at => now() + interval '1 hour')";
    session.client.query(timed, &[&one.run_id, &second]).await?;
    session.block(&other.run_id, &[&first]).await?;
    assert_eq!(advice(&session).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_circle_over_a_batch_is_seen() -> Result<()> {
    let session = session().await?;
    let parent = session.executing("parent").await?;
    let batch = session
        .create_batch(&format!(
            "parent_run_id => '{}', resume_parent => true",
            parent.run_id
        ))
        .await?;
    session
        .add_to_batch(&batch, json!([{"task": "child"}, {"task": "child"}]))
        .await?;
    session.seal_batch(&batch).await?;
    let child = session.take().await?;
    let waitpoint = waitpoint_of(&session, &parent).await?;
    assert_eq!(advice(&session).await?, []);
    session.block(&child.run_id, &[&waitpoint]).await?;
    let found = advice(&session).await?;
    let (_, detail) = found.first().context("no advice")?;
    for run in [&parent, &child] {
        assert!(detail.contains(&run.run_id), "{detail}");
    }
    assert_eq!(found.len(), 1, "{found:?}");
    Ok(())
}

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
