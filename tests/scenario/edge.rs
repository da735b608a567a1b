//! The stored rows of a wait.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::{Value, json};

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// `waitpoint_id` and `is_cached` of a function that creates waitpoints, with these arguments.
async fn create(session: &Session, call: &str) -> Result<(String, bool)> {
    let sql = format!("select waitpoint_id, is_cached from {call}");
    let row = session.client.query_one(&sql, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

const HISTORY: &str = "engine.waitpoint_history";

/// Spec.
#[tokio::test]
async fn a_run_waits_for_a_waitpoint_once() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let (one, two) = (session.token().await?, session.token().await?);
    for _ in 0..2 {
        session.block(&held.run_id, &[&one, &two]).await?;
        assert_eq!(session.edges(&held.run_id).await?, 2);
        assert_eq!(session.count(HISTORY).await?, 2);
    }
    session.block(&held.run_id, &[&one]).await?;
    assert_eq!(session.edges(&held.run_id).await?, 2);
    // With an index of its own it is another edge.
    let sql = "select engine_block($1, $2, batch_indexes => array[3, 4])";
    session
        .client
        .query(sql, &[&held.run_id, &vec![one.as_str(), one.as_str()]])
        .await?;
    assert_eq!(session.edges(&held.run_id).await?, 4);
    assert_eq!(session.count(HISTORY).await?, 2);
    let snapshots = "engine.snapshot where transition = 'BLOCKED'";
    assert_eq!(session.count(snapshots).await?, 1);
    session.check().await
}

/// Spec: Q-04.
#[tokio::test]
async fn a_failed_attempt_takes_its_edges_along_and_leaves_the_history() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    let failure = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}});
    session.complete(&blocked.held, failure).await?;
    assert_eq!(session.edges(&held.run_id).await?, 0);
    assert_eq!(session.count(HISTORY).await?, 1);
    assert_eq!(session.waitpoint(&token).await?["status"], "PENDING");
    let data = session.waitpoint(&token).await?;
    assert_eq!(data["blockingTaskRuns"], json!([]));
    assert_eq!(data["connectedRuns"][0]["id"], held.run_id.as_str());
    session.check().await
}

/// Spec: Q-05.
#[tokio::test]
async fn a_key_is_one_waitpoint_whatever_its_type() -> Result<()> {
    let session = session().await?;
    let manual = "engine_create_manual_waitpoint(idempotency_key => 'm')";
    let (id, is_cached) = create(&session, manual).await?;
    assert!(!is_cached);
    assert_eq!(create(&session, manual).await?, (id.clone(), true));
    let moment =
        "engine_create_datetime_waitpoint(now() + interval '1 hour', idempotency_key => 'd')";
    let (other, is_cached) = create(&session, moment).await?;
    assert!(!is_cached);
    let later =
        "engine_create_datetime_waitpoint(now() + interval '9 hours', idempotency_key => 'd')";
    assert_eq!(create(&session, later).await?, (other.clone(), true));
    let unchanged = "engine.timer where due_at < now() + interval '2 hours'";
    assert_eq!(session.count(unchanged).await?, 1);
    let shared = "engine_create_datetime_waitpoint(now(), idempotency_key => 'm')";
    assert_eq!(create(&session, shared).await?, (id, true));
    assert_eq!(session.count("engine.waitpoint").await?, 2);
    let environment = "select engine_set_environment('e')";
    session.client.batch_execute(environment).await?;
    let elsewhere = "engine_create_manual_waitpoint(environment_id => 'e', idempotency_key => 'm')";
    assert!(!create(&session, elsewhere).await?.1);
    session.check().await
}

/// Spec: Q-06.
#[tokio::test]
async fn an_expired_key_goes_to_a_new_waitpoint() -> Result<()> {
    let session = session().await?;
    let call = "engine_create_manual_waitpoint(idempotency_key => 'ik-expire', \
                idempotency_key_expires_at => now() + interval '1 hour')";
    let (old, _) = create(&session, call).await?;
    let expire =
        "update engine.waitpoint set idempotency_key_expires_at = now() - interval '1 second'";
    session.client.batch_execute(expire).await?;
    let call = "engine_create_manual_waitpoint(idempotency_key => 'ik-expire')";
    let (new, is_cached) = create(&session, call).await?;
    assert!(!is_cached && new != old);
    let sql =
        "select id, idempotency_key, inactive_idempotency_key from engine.waitpoint where id = $1";
    let row = session.client.query_one(sql, &[&old]).await?;
    assert_ne!(row.get::<_, &str>(1), "ik-expire");
    assert_eq!(row.get::<_, Option<&str>>(2), Some("ik-expire"));
    let row = session.client.query_one(sql, &[&new]).await?;
    assert_eq!(row.get::<_, &str>(1), "ik-expire");
    assert_eq!(create(&session, call).await?, (new, true));
    assert_eq!(
        session.waitpoint(&old).await?.get("idempotencyKey"),
        None,
        "the key is another one's"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_with_one_key_all_get_the_same_waitpoint() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let call = "engine_create_manual_waitpoint(idempotency_key => 'k', \
                idempotency_key_expires_at => now() + interval '1 hour')";
    for round in 0..3 {
        if round > 0 {
            let expire = "update engine.waitpoint set idempotency_key_expires_at = now() - interval '1 second'";
            session.client.batch_execute(expire).await?;
        }
        let mut takers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let other = Session::open(&database).await?;
            takers.spawn(async move { create(&other, call).await });
        }
        let answers: Vec<(String, bool)> =
            takers.join_all().await.into_iter().collect::<Result<_>>()?;
        assert!(answers.iter().all(|(id, _)| *id == answers[0].0));
        assert_eq!(
            answers.iter().filter(|(_, is_cached)| !is_cached).count(),
            1
        );
        assert_eq!(session.count("engine.waitpoint").await?, round + 1);
    }
    Ok(())
}

/// Spec: Q-07.
#[tokio::test]
async fn a_wait_that_is_over_is_not_waited_for_again() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let moment = "engine_create_datetime_waitpoint(clock_timestamp(), idempotency_key => 'd')";
    let (id, _) = create(&session, moment).await?;
    session.block(&held.run_id, &[&id]).await?;
    assert_eq!(session.edges(&held.run_id).await?, 1);
    session.tick().await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    let sql = format!("select waitpoint_id, is_cached, status from {moment}");
    let row = session.client.query_one(&sql, &[]).await?;
    assert_eq!(
        (
            row.get::<_, &str>(0),
            row.get::<_, bool>(1),
            row.get::<_, &str>(2)
        ),
        (id.as_str(), true, "COMPLETED")
    );
    let blocked = session.block(&held.run_id, &[&id]).await?;
    assert_eq!(blocked.pending_count, 0);
    assert_eq!(session.unblock(&held.run_id).await?.status, "unblocked");
    assert_eq!(session.count("engine.waitpoint").await?, 1);
    session.check().await
}

/// Spec: Q-09.
#[tokio::test]
async fn outputs_come_back_as_they_were() -> Result<()> {
    let session = session().await?;
    for output in [
        "{\"ok\":true}",
        "[1,  2.50, null]",
        "\"ä 漢 \\u0041\"",
        "plain",
        "",
    ] {
        let held = session.executing("test").await?;
        let token = session.token().await?;
        session.block(&held.run_id, &[&token]).await?;
        let sql = "select output, output_type from engine_complete_waitpoint($1, $2, 'text/x')";
        let row = session.client.query_one(sql, &[&token, &output]).await?;
        assert_eq!(
            (row.get::<_, &str>(0), row.get::<_, &str>(1)),
            (output, "text/x")
        );
        let data = session.data(&held.run_id).await?;
        assert_eq!(data["completedWaitpoints"][0]["output"], output);
        assert_eq!(data["completedWaitpoints"][0]["outputType"], "text/x");
    }
    Ok(())
}

/// Spec: Q-10.
#[tokio::test]
async fn a_waitpoint_is_read_with_the_runs_that_it_blocks() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let call = "engine_create_manual_waitpoint(tags => array['a', 'b'])";
    let (token, _) = create(&session, call).await?;
    assert_eq!(
        session.waitpoint(&token).await?["blockingTaskRuns"],
        json!([])
    );
    session.block(&held.run_id, &[&token]).await?;
    let data = session.waitpoint(&format!("waitpoint_{token}")).await?;
    assert_eq!(
        data["blockingTaskRuns"],
        json!([{"taskRun": {"id": held.run_id, "friendlyId": format!("run_{}", held.run_id)}}])
    );
    assert_eq!(data["tags"], json!(["a", "b"]));
    assert_eq!(data["type"], "MANUAL");
    let sql = format!(
        "select engine_waitpoint_data('{token}', 'other') is null, engine_waitpoint_data('nope') is null"
    );
    let row = session.client.query_one(&sql, &[]).await?;
    assert_eq!((row.get::<_, bool>(0), row.get::<_, bool>(1)), (true, true));
    Ok(())
}

/// Spec: Q-14.
#[tokio::test]
async fn a_run_waits_for_a_token_that_belongs_to_no_run_and_to_no_other_environment() -> Result<()>
{
    let session = session().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    session.block(&held.run_id, &[&token]).await?;
    assert_eq!(session.edges(&held.run_id).await?, 1);
    let sql = "select status from engine_complete_waitpoint($1)";
    let row = session.client.query_one(sql, &[&token]).await?;
    assert_eq!(row.get::<_, &str>(0), "COMPLETED");
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    let environment = "select engine_set_environment('e')";
    session.client.batch_execute(environment).await?;
    let foreign = "engine_create_manual_waitpoint(environment_id => 'e')";
    let (foreign, _) = create(&session, foreign).await?;
    let block = format!("select engine_block('{}', '{{{foreign}}}')", held.run_id);
    assert_eq!(session.refused(&block).await?.code, "RE010");
    Ok(())
}

#[tokio::test]
async fn the_end_of_a_wait_for_a_cached_run_ends_its_span() -> Result<()> {
    let session = session().await?;
    let child = session.executing("child").await?;
    let parent = session.executing("parent").await?;
    let sql = "select waitpoint_id from engine_run_waitpoint($1)";
    let waitpoint: String = session
        .client
        .query_one(sql, &[&child.run_id])
        .await?
        .get(0);
    let sql = "select engine_block($1, $2, span_id_to_complete => 'span')";
    session
        .client
        .query_one(sql, &[&parent.run_id, &vec![waitpoint]])
        .await?;
    session.complete(&child, json!({"ok": true})).await?;
    let sql = "select body from engine.event where name = 'cachedRunCompleted'";
    let event: tokio_postgres::types::Json<Value> =
        session.client.query_one(sql, &[]).await?.get(0);
    let event = event.0;
    assert_eq!(event["span"]["id"], "span");
    assert!(event["span"]["createdAt"].is_string());
    assert_eq!(event["hasError"], false);
    assert_eq!(event["blockedRunId"], parent.run_id.as_str());
    assert_eq!(event["cachedRunId"], child.run_id.as_str());
    Ok(())
}

/// Spec: S-05.
#[tokio::test]
async fn a_wait_links_its_snapshots() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let blocked = session.block(&held.run_id, &[&token]).await?;
    session.suspend(&blocked.held, "why").await?;
    session.complete_waitpoint(&token).await?;
    let dequeued = session.dequeue().await?.expect("it is queued");
    let resumed = session.resume(&dequeued).await?;
    session.complete(&resumed, json!({"ok": true})).await?;
    let sql = "select p.execution_status::text, p.run_status::text, p.previous_snapshot_id is not distinct from \
               lag(p.id) over (order by p.ordinal), p.attempt_number from engine.history as p order by p.ordinal";
    let rows = session.client.query(sql, &[]).await?;
    let statuses: Vec<(&str, &str)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        statuses,
        [
            ("QUEUED", "PENDING"),
            ("PENDING_EXECUTING", "PENDING"),
            ("EXECUTING", "EXECUTING"),
            ("EXECUTING_WITH_WAITPOINTS", "EXECUTING"),
            ("SUSPENDED", "WAITING_TO_RESUME"),
            ("QUEUED", "WAITING_TO_RESUME"),
            ("PENDING_EXECUTING", "PENDING"),
            ("EXECUTING", "EXECUTING"),
            ("FINISHED", "COMPLETED_SUCCESSFULLY"),
        ]
    );
    // Every snapshot is linked to its predecessor.
    assert!(rows.iter().all(|row| row.get::<_, bool>(2)));
    Ok(())
}
