//! Time to live, which ends with the first dequeue.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::json;

/// An environment from which nothing is dequeued: its limit is 0.
async fn closed() -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let limit = "select engine_set_environment('default', concurrency_limit => 0)";
    session.client.query(limit, &[]).await?;
    Ok(session)
}

async fn expires(session: &Session, run_id: &str) -> Result<bool> {
    let item = format!("engine.queue_item where run_id = '{run_id}' and expires_at is not null");
    Ok(session.count(&item).await? == 1)
}

/// Spec: TT-1, TT-19.
#[tokio::test]
async fn a_run_that_has_waited_too_long_ends_expired() -> Result<()> {
    let session = closed().await?;
    let run = session
        .trigger_with("'test', ttl => '1s', trace_context => '{\"spanId\": \"s12345\"}'")
        .await?;
    assert_eq!(session.status(&run.run_id).await?.0, "QUEUED");
    assert_eq!(session.tick_of("expired_run").await?, 0);
    session.outlive(&run.run_id).await?;
    assert_eq!(session.tick_of("expired_run").await?, 1);
    let over = ("FINISHED".to_owned(), "EXPIRED".to_owned());
    assert_eq!(session.status(&run.run_id).await?, over);
    let expired = session.events_named("runExpired").await?;
    assert_eq!(expired.len(), 1);
    let body = &expired[0]["run"];
    assert_eq!(
        (&body["spanId"], &body["ttl"]),
        (&json!("s12345"), &json!("1s"))
    );
    assert!(
        body["expiredAt"].is_string() && body["completedAt"].is_string(),
        "{body}"
    );
    let error = "engine.run_state where completed_at is not null and error ->> 'type' = 'STRING_ERROR' \
                 and error ->> 'raw' like '%TTL (1s)%'";
    assert_eq!(session.count(error).await?, 1);
    for empty in ["engine.slot", "engine.queue_item"] {
        assert_eq!(session.count(empty).await?, 0, "{empty}");
    }
    session.check().await
}

/// Spec: TT-2.
#[tokio::test]
async fn the_first_trigger_arms_the_time_to_live() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for (ttl, seconds) in [("'10m'", 600), ("'90'", 90), ("'1h30m'", 5400)] {
        let run = session
            .trigger_with(&format!("'test', ttl => {ttl}"))
            .await?;
        let armed = format!(
            "engine.queue_item i join engine.run r on r.id = i.run_id where r.id = '{}' \
             and i.expires_at = r.created_at + interval '{seconds} s'",
            run.run_id
        );
        assert_eq!(session.count(&armed).await?, 1, "{ttl}");
    }
    let many = "select engine_trigger_many('[{\"task\": \"t\", \"ttl\": 60}, {\"task\": \"t\", \"ttl\": \"2m\"}]')";
    session.client.query(many, &[]).await?;
    assert_eq!(
        session
            .count("engine.run where ttl in ('1m', '2m')")
            .await?,
        2
    );
    Ok(())
}

/// Spec: TT-2.
#[tokio::test]
async fn the_default_of_development_and_the_ceiling_of_the_server() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .client
        .query("select engine_set_environment('dev', 'DEVELOPMENT')", &[])
        .await?;
    session.trigger_with("'a', environment_id => 'dev'").await?;
    session
        .trigger_with("'b', environment_id => 'dev', ttl => '0'")
        .await?;
    session.trigger("c").await?;
    let ttls =
        "select string_agg(task || ' ' || coalesce(ttl, '-'), ', ' order by task) from engine.run";
    let row = session.client.query_one(ttls, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), "a 10m, b -, c -");

    database.set("engine.max_ttl_ms", "60000").await?;
    let limited = Session::open(&database).await?;
    limited.trigger_with("'d', ttl => '1h'").await?;
    limited.trigger_with("'e'").await?;
    limited.trigger_with("'f', ttl => '5s'").await?;
    let ttls = "select string_agg(task || ' ' || ttl, ', ' order by task) from engine.run where task > 'c'";
    let row = limited.client.query_one(ttls, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), "d 1m, e 1m, f 5s");
    Ok(())
}

/// Spec: TT-3.
#[tokio::test]
async fn a_requeued_run_does_not_expire_and_keeps_its_order() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger_with("'test', ttl => '1s'").await?;
    assert!(expires(&session, &run.run_id).await?);
    let held = session.take().await?;
    let retry = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}, "retry": {"delay": 60_000}});
    assert_eq!(
        session.complete(&held, retry).await?.attempt_status,
        "RETRY_QUEUED"
    );
    assert_eq!(session.status(&run.run_id).await?.0, "QUEUED");
    assert!(!expires(&session, &run.run_id).await?);
    session.check().await
}

/// Spec: TT-5.
#[tokio::test]
async fn a_run_of_development_expires_as_every_other() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .query("select engine_set_environment('dev', 'DEVELOPMENT')", &[])
        .await?;
    let run = session
        .trigger_with("'test', environment_id => 'dev', worker_queue => 'dev', ttl => '1s'")
        .await?;
    session.outlive(&run.run_id).await?;
    session.tick().await?;
    assert_eq!(session.status(&run.run_id).await?.1, "EXPIRED");
    Ok(())
}

/// Spec: TT-6.
#[tokio::test]
async fn several_runs_expire_in_one_tick() -> Result<()> {
    let session = closed().await?;
    for _ in 0..3 {
        let run = session.trigger_with("'test', ttl => '1s'").await?;
        session.outlive(&run.run_id).await?;
    }
    assert_eq!(session.tick_of("expired_run").await?, 3);
    assert_eq!(session.events_named("runExpired").await?.len(), 3);
    assert_eq!(
        session
            .count("engine.run_state where run_status = 'EXPIRED'")
            .await?,
        3
    );
    assert_eq!(session.count("engine.queue_item").await?, 0);
    session.check().await
}

/// Spec: TT-7.
#[tokio::test]
async fn a_run_without_a_time_to_live_waits_for_ever() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger("test").await?;
    assert!(!expires(&session, &run.run_id).await?);
    session.tick().await?;
    assert_eq!(session.status(&run.run_id).await?.1, "PENDING");
    assert_eq!(session.events_named("runExpired").await?.len(), 0);
    Ok(())
}

/// Spec: TT-9.
#[tokio::test]
async fn a_lapsed_run_is_not_dequeued_however_late_the_tick_is() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger_with("'test', ttl => '1s'").await?;
    session.outlive(&run.run_id).await?;
    assert_eq!(session.dequeue_many(10).await?, []);
    assert_eq!(session.status(&run.run_id).await?.1, "PENDING");
    assert_eq!(session.tick_of("expired_run").await?, 1);
    assert_eq!(session.status(&run.run_id).await?.1, "EXPIRED");
    assert_eq!(session.count("engine.slot").await?, 0);
    Ok(())
}

/// Spec: TT-9.
#[tokio::test]
async fn a_lapsed_run_is_not_dequeued_within_limits_whether_it_was_filed_or_not() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let limit = "select engine_set_queue('task/test', concurrency_limit => 1)";
    session.client.query(limit, &[]).await?;
    session.trigger("test").await?;
    let first = session.take().await?;
    let filed = session.trigger_with("'test', ttl => '1s'").await?;
    assert_eq!(session.dequeue_many(10).await?, [], "the lane is full");
    assert_eq!(session.count("engine.queue_item where is_filed").await?, 1);
    session.outlive(&filed.run_id).await?;
    session.complete(&first, json!({"ok": true})).await?;
    let unfiled = session.trigger_with("'test', ttl => '1s'").await?;
    session.outlive(&unfiled.run_id).await?;
    let normal = session.trigger("test").await?;
    assert_eq!(session.take().await?.run_id, normal.run_id);
    assert_eq!(session.tick_of("expired_run").await?, 2);
    session.check().await
}

/// Spec: TT-10.
#[tokio::test]
async fn a_run_that_a_worker_holds_does_not_expire() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger_with("'test', ttl => '1s'").await?;
    session.dequeue().await?;
    assert_eq!(session.count("engine.slot").await?, 1);
    assert!(!expires(&session, &run.run_id).await?);
    assert_eq!(session.tick_of("expired_run").await?, 0);
    assert_eq!(session.status(&run.run_id).await?.0, "PENDING_EXECUTING");
    Ok(())
}

/// Spec: TT-11.
#[tokio::test]
async fn a_lapsed_run_does_not_stand_in_the_way() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for max_runs in [1, 10] {
        let lapsed = session.trigger_with("'test', ttl => '1s'").await?;
        let normal = session.trigger("test").await?;
        session.outlive(&lapsed.run_id).await?;
        let given = session.dequeue_many(max_runs).await?;
        let ids: Vec<&str> = given.iter().map(|held| held.run_id.as_str()).collect();
        assert_eq!(ids, [&normal.run_id], "{max_runs}");
        assert_eq!(session.status(&lapsed.run_id).await?.1, "PENDING");
    }
    Ok(())
}

/// Spec: TT-17.
#[tokio::test]
async fn the_event_names_the_tenant() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let set =
        "select engine_set_environment('env', project_id => 'proj', organization_id => 'org')";
    session.client.query(set, &[]).await?;
    let run = session
        .trigger_with("'test', environment_id => 'env', ttl => '1s'")
        .await?;
    // The trigger's time to live applies, whatever the environment has become.
    session
        .client
        .batch_execute("delete from engine.environment")
        .await?;
    session.outlive(&run.run_id).await?;
    session.tick().await?;
    let expired = session.events_named("runExpired").await?;
    assert_eq!(expired.len(), 1);
    let ids = ["organization", "project", "environment"].map(|key| expired[0][key]["id"].clone());
    assert_eq!(ids, [json!("org"), json!("proj"), json!("env")]);
    assert_eq!(session.count("engine.queue_item").await?, 0);
    Ok(())
}

/// A run whose time to live is a second, dequeued by a worker.
async fn taken(session: &Session) -> Result<Held> {
    session.trigger_with("'test', ttl => '1s'").await?;
    session.take().await
}

/// Spec: TN-1, TTLN-1.
#[tokio::test]
async fn a_run_whose_worker_died_never_expires() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let held = taken(&session).await?;
    session.lapse(&held.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    assert_eq!(session.status(&held.run_id).await?.0, "QUEUED");
    assert!(!expires(&session, &held.run_id).await?);
    // Long after: even an item that has expired does not end a run that was dequeued.
    session
        .client
        .batch_execute("update engine.queue_item set expires_at = clock_timestamp()")
        .await?;
    assert_eq!(session.tick_of("expired_run").await?, 0);
    session
        .client
        .batch_execute("update engine.queue_item set expires_at = null")
        .await?;
    session.make_due(&held.run_id).await?;
    assert_eq!(session.take().await?.run_id, held.run_id);
    assert_eq!(session.events_named("runExpired").await?.len(), 0);
    Ok(())
}

/// Spec: TN-2.
#[tokio::test]
async fn a_run_that_no_worker_started_never_expires() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session.trigger_with("'test', ttl => '1s'").await?;
    session.dequeue().await?;
    session.lapse(&run.run_id).await?;
    assert_eq!(session.tick().await?, 1);
    assert!(!expires(&session, &run.run_id).await?);
    session.make_due(&run.run_id).await?;
    assert_eq!(session.take().await?.run_id, run.run_id);
    assert_eq!(session.events_named("runExpired").await?.len(), 0);
    session.check().await
}
