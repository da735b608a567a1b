//! Waitpoints that a caller completes, by themselves.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

async fn session() -> Result<Session> {
    Session::open(&Database::fresh().await?).await
}

/// Spec: W-07.
#[tokio::test]
async fn a_token_has_a_key() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let sql = "select waitpoint_id, is_cached from engine_create_manual_waitpoint(idempotency_key => 'a-key')";
    let token: String = session.client.query_one(sql, &[]).await?.get(0);
    let row =
        "select idempotency_key, user_provided_idempotency_key, status::text from engine.waitpoint";
    let row = session.client.query_one(row, &[]).await?;
    assert_eq!(
        (
            row.get::<_, &str>(0),
            row.get::<_, bool>(1),
            row.get::<_, &str>(2)
        ),
        ("a-key", true, "PENDING")
    );
    session.block(&held.run_id, &[&token]).await?;
    session.complete_waitpoint(&token).await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    assert_eq!(session.edges(&held.run_id).await?, 0);
    let data = session.data(&held.run_id).await?;
    let entry = &data["completedWaitpoints"][0];
    assert_eq!(
        (&entry["idempotencyKey"], &entry["outputIsError"]),
        (&json!("a-key"), &json!(false))
    );
    Ok(())
}

/// Spec: W-10.
#[tokio::test]
async fn the_first_output_stays() -> Result<()> {
    let session = session().await?;
    let token = session.token().await?;
    let sql = "select output, output_is_error, already_completed, status from engine_complete_waitpoint($1, $2, is_error => $3)";
    let row = session
        .client
        .query_one(sql, &[&token, &"1", &false])
        .await?;
    assert_eq!(
        (
            row.get::<_, &str>(0),
            row.get::<_, bool>(1),
            row.get::<_, bool>(2)
        ),
        ("1", false, false)
    );
    let row = session
        .client
        .query_one(sql, &[&token, &"2", &true])
        .await?;
    assert_eq!(
        (
            row.get::<_, &str>(0),
            row.get::<_, bool>(1),
            row.get::<_, bool>(2)
        ),
        ("1", false, true)
    );
    assert_eq!(row.get::<_, &str>(3), "COMPLETED");
    Ok(())
}

/// Spec: W-11.
#[tokio::test]
async fn an_unknown_waitpoint_cannot_be_completed() -> Result<()> {
    let session = session().await?;
    let refused = session
        .refused("select engine_complete_waitpoint('aaaaaaaaaaaaaaaaaaaaaaaaaa')")
        .await?;
    assert_eq!(
        (refused.code.as_str(), refused.detail.as_str()),
        ("RE010", "Waitpoint not found.")
    );
    Ok(())
}

#[tokio::test]
async fn a_block_has_a_time_limit_and_the_earlier_hour_counts() -> Result<()> {
    let session = session().await?;
    let held = session.executing("test").await?;
    let token = session.token().await?;
    let moment = session.due_in(60_000).await?;
    let sql = "select pending_count from engine_block($1, $2, timeout_at => clock_timestamp() + interval '1 hour')";
    let row = session
        .client
        .query_one(sql, &[&held.run_id, &vec![token.as_str(), moment.as_str()]])
        .await?;
    assert_eq!(row.get::<_, i32>(0), 2);
    let hours = "engine.timer where kind = 'FINISH_WAITPOINT' and due_at > clock_timestamp() + interval '30 minutes'";
    assert_eq!(session.count(hours).await?, 1);
    session.lapse_timers().await?;
    session.tick().await?;
    assert_eq!(session.execution_status(&held.run_id).await?, "EXECUTING");
    assert_eq!(session.waitpoint(&token).await?["outputIsError"], true);
    assert_eq!(session.waitpoint(&moment).await?["outputIsError"], false);
    session.check().await
}
