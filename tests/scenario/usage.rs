//! Time and cost of attempts. Machine presets set the cost of time.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::json;
use tokio_postgres::types::Json;

use crate::reported::{internal_error, out_of_memory, user_error};

/// Milliseconds and cents of the only run.
async fn used(session: &Session) -> Result<(i32, f64)> {
    let sql = "select usage_duration_ms, coalesce(cost_in_cents, 0) from engine.run_state";
    let row = session.client.query_one(sql, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

/// The presets of the scenarios.
async fn set_machines(session: &Session) -> Result<()> {
    let sql = "select engine_set_machine('small-1x', 0.5, 0.5, 0.0001), \
                      engine_set_machine('small-2x', 1, 1, 0.0002)";
    Ok(session.client.batch_execute(sql).await?)
}

/// The usage that the only run has already.
async fn preset_usage(session: &Session) -> Result<()> {
    let sql = "update engine.run_state set usage_duration_ms = 1000, cost_in_cents = 5";
    Ok(session.client.batch_execute(sql).await?)
}

fn success_after(duration_ms: i64) -> serde_json::Value {
    json!({"ok": true, "usage": {"durationMs": duration_ms}})
}

/// Spec: USE-1.
#[tokio::test]
async fn usage_adds_up() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    session
        .client
        .batch_execute("update engine.run_state set usage_duration_ms = 1000")
        .await?;
    session
        .complete(&held, json!({"ok": true, "usage": {"durationMs": 500}}))
        .await?;
    let row = session
        .client
        .query_one("select usage_duration_ms from engine.run_state", &[])
        .await?;
    assert_eq!(row.get::<_, i32>(0), 1500);
    Ok(())
}

/// Spec: USE-2.
#[tokio::test]
async fn an_attempt_that_fails_for_good_is_counted() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    preset_usage(&session).await?;
    let error = internal_error("DISK_SPACE_EXCEEDED");
    let failure = json!({"ok": false, "error": error, "usage": {"durationMs": 500}});
    let failed = session.complete(&held, failure).await?;
    assert_eq!(
        (
            failed.attempt_status.as_str(),
            failed.execution_status.as_str()
        ),
        ("RUN_FINISHED", "FINISHED")
    );
    assert_eq!(used(&session).await?, (1500, 5.0));
    Ok(())
}

/// Spec: USE-3.
#[tokio::test]
async fn an_attempt_that_is_cancelled_is_counted() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    preset_usage(&session).await?;
    let arguments = format!(
        "'{}', finalize => true, attempt_duration_ms => 500",
        held.run_id
    );
    assert_eq!(
        session.cancel(&arguments).await?.execution_status,
        "FINISHED"
    );
    assert_eq!(used(&session).await?, (1500, 5.0));
    Ok(())
}

/// Spec: USE-3.
#[tokio::test]
async fn an_attempt_that_its_worker_stops_is_counted() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    let asked = session.cancel(&format!("'{}'", held.run_id)).await?;
    let error = internal_error("TASK_RUN_CANCELLED");
    let confirmed = json!({"ok": false, "error": error, "usage": {"durationMs": 500}});
    session.complete(&asked.latest, confirmed).await?;
    assert_eq!(used(&session).await?.0, 500);
    Ok(())
}

/// Spec: AF-N8.
#[tokio::test]
async fn time_costs_what_the_machine_costs_and_nothing_in_development() -> Result<()> {
    for (environment, cents) in [("PRODUCTION", 0.05), ("DEVELOPMENT", 0.0)] {
        let session = Session::open(&Database::fresh().await?).await?;
        set_machines(&session).await?;
        let sql = format!("select engine_set_environment('e', '{environment}')");
        session.client.batch_execute(&sql).await?;
        session
            .trigger_with("'test', environment_id => 'e', machine => 'small-1x'")
            .await?;
        let held = session.take().await?;
        session.complete(&held, success_after(500)).await?;
        assert_eq!(used(&session).await?, (500, cents), "{environment}");
    }
    Ok(())
}

/// Spec: AF-N9.
#[tokio::test]
async fn usage_stops_at_the_largest_integer() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    let held = session.take().await?;
    session
        .complete(
            &held,
            json!({"ok": true, "usage": {"durationMs": 5_000_000_000_i64}}),
        )
        .await?;
    let row = session
        .client
        .query_one("select usage_duration_ms from engine.run_state", &[])
        .await?;
    assert_eq!(row.get::<_, i32>(0), 2_147_483_647);
    Ok(())
}

#[tokio::test]
async fn an_attempt_that_is_retried_is_counted_at_the_price_of_its_own_machine() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    set_machines(&session).await?;
    session
        .trigger_with(r#"'test', retry => '{"outOfMemory": {"machine": "small-2x"}}'"#)
        .await?;
    let held = session.take().await?;
    let failure = json!({"ok": false, "error": user_error(), "retry": {"delay": 0}, "usage": {"durationMs": 500}});
    let failed = session.complete(&held, failure).await?;
    assert_eq!(used(&session).await?, (500, 0.05), "retried at once");
    let held = session.start(&failed.latest).await?;
    let failure = json!({"ok": false, "error": out_of_memory(), "usage": {"durationMs": 500}});
    session.complete(&held, failure).await?;
    assert_eq!(
        used(&session).await?,
        (1000, 0.1),
        "the machine that was too small"
    );
    session.make_due(&held.run_id).await?;
    let held = session.take().await?;
    session.complete(&held, success_after(500)).await?;
    let (ms, cents) = used(&session).await?;
    assert_eq!(ms, 1500);
    assert!((cents - 0.2).abs() < 1e-9, "the larger machine: {cents}");
    Ok(())
}

#[tokio::test]
async fn a_preset_that_is_set_holds_in_every_session_from_its_commit_on() -> Result<()> {
    let database = Database::fresh().await?;
    let (operator, worker) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    for _ in 0..4 {
        worker.trigger("test").await?;
    }
    let machine = async || -> Result<serde_json::Value> {
        let sql = "select machine from engine_dequeue()";
        let row = worker.client.query_one(sql, &[]).await?;
        Ok(row.get::<_, Json<serde_json::Value>>(0).0)
    };
    let built_in = json!({"name": "small-1x", "cpu": 0.5, "memory": 0.5, "centsPerMs": 0.0});
    assert_eq!(
        machine().await?,
        built_in,
        "which the session keeps from now on"
    );
    let set = "select engine_set_machine('small-1x', 1, 2, 0.25)";
    operator
        .client
        .batch_execute(&format!("begin; {set}"))
        .await?;
    assert_eq!(machine().await?, built_in, "before the commit");
    operator.client.batch_execute("rollback").await?;
    assert_eq!(machine().await?, built_in, "after a rollback");
    operator.client.batch_execute(set).await?;
    let dear = json!({"name": "small-1x", "cpu": 1.0, "memory": 2.0, "centsPerMs": 0.25});
    assert_eq!(machine().await?, dear, "after the commit");
    Ok(())
}

#[tokio::test]
async fn a_preset_whose_setting_was_rolled_back_is_forgotten_by_its_own_session() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    session.trigger("test").await?;
    let price = async || -> Result<f64> {
        let sql = "select (machine ->> 'centsPerMs')::float8 from engine_dequeue()";
        Ok(session.client.query_one(sql, &[]).await?.get(0))
    };
    session
        .client
        .batch_execute("begin; select engine_set_machine('small-1x', 1, 1, 7)")
        .await?;
    assert_eq!(price().await?, 7.0, "in its own transaction");
    session.client.batch_execute("rollback").await?;
    assert_eq!(price().await?, 0.0);
    Ok(())
}

#[tokio::test]
async fn every_dequeue_is_priced_by_the_setting_of_its_time() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.base_cost_in_cents", "0.0005").await?;
    let session = Session::open(&database).await?;
    session.trigger("test").await?;
    session.dequeue().await?.context("nothing is queued")?;
    let sql = "select base_cost_in_cents from engine.run_state";
    let price: f64 = session.client.query_one(sql, &[]).await?.get(0);
    assert_eq!(price, 0.0005);
    Ok(())
}
