//! The clock that tests move.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::json;

/// Sessions of a database whose clock tests may move.
async fn sessions() -> Result<(Session, Session)> {
    let database = Database::fresh().await?;
    database.set("engine.allow_test_clock", "on").await?;
    Ok((
        Session::open(&database).await?,
        Session::open(&database).await?,
    ))
}

/// Moves the clock by an interval from the moment that it shows.
async fn pass(session: &Session, time: &str) -> Result<()> {
    let at = format!(
        "select engine_set_test_clock(now() + last_value * interval '1 microsecond' + '{time}') from engine.test_clock"
    );
    Ok(session.client.batch_execute(&at).await?)
}

#[tokio::test]
async fn a_month_of_retries_takes_a_moment() -> Result<()> {
    let (session, _) = sessions().await?;
    let daily = r#"'t', max_attempts => 31, retry => '{"minTimeoutInMs": 86400000, "maxTimeoutInMs": 86400000, "factor": 1, "randomize": false}'"#;
    session.trigger_with(daily).await?;
    for day in 1..=30 {
        let held = session.take().await.with_context(|| format!("day {day}"))?;
        let error = json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "no"}});
        session.complete(&held, error).await?;
        assert_eq!(
            session.dequeue().await?,
            None,
            "the next attempt is due in a day"
        );
        pass(&session, "1 day").await?;
    }
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    let month = "engine.run_state where run_status = 'COMPLETED_SUCCESSFULLY' and attempt_number = 31 \
                 and completed_at - executed_at between '30 days' and '30 days 1 hour'";
    assert_eq!(session.count(month).await?, 1);
    session.check().await
}

#[tokio::test]
async fn every_session_and_every_tick_goes_by_the_clock_that_one_has_moved() -> Result<()> {
    let (session, other) = sessions().await?;
    session
        .trigger_with("'t', delay_until => now() + interval '1 year', run_id => 'a'")
        .await?;
    let schedule = "select engine_set_schedule('s', 'u', '0 0 1 1 *')";
    session.client.batch_execute(schedule).await?;
    let held = {
        session.trigger("v").await?;
        other.take().await?
    };
    other.tick().await?;
    assert_eq!(other.dequeue().await?, None);
    // Even a session whose transaction began before, and one that rolls back, move it for all.
    other.client.batch_execute("begin; select now()").await?;
    session.client.batch_execute("begin").await?;
    pass(&session, "1 year").await?;
    session.client.batch_execute("rollback").await?;
    other.client.batch_execute("commit").await?;
    other.tick().await?;
    other.tick().await?;
    assert_eq!(
        session
            .count("engine.queue_item where run_id = 'a'")
            .await?,
        1,
        "the delayed run is queued"
    );
    assert!(session.count("engine.run where task = 'u'").await? >= 1);
    let stalled = format!(
        "engine.snapshot where run_id = '{}' and transition in ('REQUEUED', 'ATTEMPT_FAILED', 'STALLED_FOR_GOOD')",
        held.run_id
    );
    assert_eq!(
        session.count(&stalled).await?,
        1,
        "its worker sent no heartbeat for a year"
    );
    session.check().await
}

#[tokio::test]
async fn the_clock_moves_only_where_a_superuser_allows_it_and_never_back() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let set = "engine_set_test_clock(now() + interval '1 day')";
    let refused = session.refused(&format!("select {set}")).await?;
    assert_eq!(refused.code, "55000", "{refused:?}");
    assert_eq!(
        refused.message,
        "tests may not move the clock of this database"
    );
    let (session, _) = sessions().await?;
    let later = format!(
        "(select {set}) as c(at) where at between now() + interval '1 day' and now() + interval '1 day 1 minute'"
    );
    assert_eq!(session.count(&later).await?, 1);
    let refused = session
        .refused("select engine_set_test_clock(now())")
        .await?;
    assert_eq!(refused.code, "22023", "{refused:?}");
    assert!(
        refused
            .detail
            .starts_with("The clock of the database already shows 20"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn operators_see_what_is_due_by_the_clock_that_tests_move() -> Result<()> {
    let (session, other) = sessions().await?;
    session.trigger("now").await?;
    session
        .trigger_with("'later', delay_until => now() + interval '1 day'")
        .await?;
    assert_eq!(other.count("engine.overdue").await?, 0);
    pass(&session, "2 days").await?;
    let overdue = "engine.overdue where oldest_age between '1 day' and '1 day 1 hour'";
    assert_eq!(other.count(overdue).await?, 1);
    let aged = "engine.queue_stats where due = 1 and oldest_age > '2 days'";
    assert_eq!(other.count(aged).await?, 1);
    // Where a superuser does not allow it, the system's clock is shown.
    other
        .client
        .batch_execute("set engine.allow_test_clock = off")
        .await?;
    assert_eq!(other.count("engine.overdue").await?, 0);
    session.check().await
}
