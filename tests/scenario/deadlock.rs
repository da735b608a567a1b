//! Waits that never end: the shortest are refused, the longer ones are shown to operators.

mod full;

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
