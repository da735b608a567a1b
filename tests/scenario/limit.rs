//! Limits of environments and queues, with one session. With many: `tests/concurrency/limit.rs`.

use std::time::SystemTime;

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Session};
use serde_json::json;
use tokio_postgres::Row;

async fn limited(limit: i32, burst_factor: f64) -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = "select engine_set_environment('env', concurrency_limit => $1, burst_factor => $2)";
    session.client.query(sql, &[&limit, &burst_factor]).await?;
    Ok(session)
}

async fn trigger(session: &Session, queue: &str) -> Result<Held> {
    session
        .trigger_with(&format!(
            "'test', environment_id => 'env', queue => '{queue}'"
        ))
        .await
}

/// Dequeues one run after the other until there is none; returns their number.
async fn dequeue_all(session: &Session) -> Result<usize> {
    let mut claimed = 0;
    while session.dequeue().await?.is_some() {
        claimed += 1;
    }
    Ok(claimed)
}

async fn set_queue(session: &Session, arguments: &str) -> Result<()> {
    let sql = format!("select engine_set_queue('q', 'env', {arguments})");
    Ok(session.client.batch_execute(&sql).await?)
}

/// Spec: LM-01.
#[tokio::test]
async fn an_environment_with_one_slot_runs_one() -> Result<()> {
    let session = limited(1, 1.0).await?;
    trigger(&session, "a").await?;
    trigger(&session, "b").await?;
    assert_eq!(dequeue_all(&session).await?, 1);
    assert_eq!(session.count("engine.slot").await?, 1);
    Ok(())
}

/// Spec: LM-02, LM-03.
#[tokio::test]
async fn only_several_queues_may_burst() -> Result<()> {
    let session = limited(1, 2.0).await?;
    for queue in ["a", "b", "c"] {
        trigger(&session, queue).await?;
    }
    assert_eq!(dequeue_all(&session).await?, 2);
    let session = limited(1, 2.0).await?;
    for _ in 0..2 {
        trigger(&session, "a").await?;
    }
    assert_eq!(dequeue_all(&session).await?, 1);
    assert_eq!(session.count("engine.slot").await?, 1);
    Ok(())
}

/// Spec: LM-02.
#[tokio::test]
async fn one_call_keeps_to_all_limits() -> Result<()> {
    let session = limited(2, 1.5).await?;
    for queue in ["a", "a", "a", "b", "b", "b", "c"] {
        trigger(&session, queue).await?;
    }
    assert_eq!(session.dequeue_many(100).await?.len(), 3);
    assert_eq!(session.count("engine.slot where queue = 'a'").await?, 2);
    Ok(())
}

/// Spec: LM-06.
#[tokio::test]
async fn zero_is_a_limit_and_null_is_none() -> Result<()> {
    let session = limited(10, 1.0).await?;
    set_queue(&session, "0").await?;
    for _ in 0..3 {
        trigger(&session, "q").await?;
    }
    assert_eq!(dequeue_all(&session).await?, 0);
    set_queue(&session, "1").await?;
    assert_eq!(dequeue_all(&session).await?, 1);
    set_queue(&session, "null").await?;
    assert_eq!(dequeue_all(&session).await?, 2);
    Ok(())
}

/// Spec: LM-07.
#[tokio::test]
async fn a_lowered_limit_interrupts_nothing() -> Result<()> {
    let session = limited(5, 1.0).await?;
    for _ in 0..6 {
        trigger(&session, "q").await?;
    }
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(session.take().await?);
    }
    let lower = "select engine_set_environment('env', concurrency_limit => 2)";
    session.client.batch_execute(lower).await?;
    assert_eq!(session.count("engine.slot").await?, 4);
    for running in (2..=4).rev() {
        assert_eq!(session.dequeue().await?, None, "{running} run");
        if let Some(held) = held.pop() {
            session.complete(&held, json!({"ok": true})).await?;
        }
    }
    assert_eq!(dequeue_all(&session).await?, 1);
    Ok(())
}

/// Spec: LM-11.
#[tokio::test]
async fn nothing_is_dequeued_from_a_paused_queue_and_its_limit_returns() -> Result<()> {
    for (limit, runs) in [("2", 2), ("0", 0), ("null", 3)] {
        let session = limited(10, 1.0).await?;
        set_queue(&session, limit).await?;
        set_queue(&session, "paused => true").await?;
        for _ in 0..3 {
            trigger(&session, "q").await?;
        }
        assert_eq!(dequeue_all(&session).await?, 0, "paused, {limit}");
        set_queue(&session, "paused => false").await?;
        assert_eq!(dequeue_all(&session).await?, runs, "resumed, {limit}");
    }
    Ok(())
}

/// Spec: LM-11.
#[tokio::test]
async fn running_attempts_continue_while_their_queue_is_paused() -> Result<()> {
    let session = limited(10, 1.0).await?;
    trigger(&session, "q").await?;
    let held = session.take().await?;
    set_queue(&session, "paused => true").await?;
    session.complete(&held, json!({"ok": true})).await?;
    Ok(())
}

/// Spec: LM-11.
#[tokio::test]
async fn nothing_is_dequeued_from_a_paused_environment() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let pause = |paused: bool| format!("select engine_set_environment('env', paused => {paused})");
    session.client.batch_execute(&pause(true)).await?;
    trigger(&session, "q").await?;
    assert_eq!(dequeue_all(&session).await?, 0);
    session.client.batch_execute(&pause(false)).await?;
    assert_eq!(dequeue_all(&session).await?, 1);
    Ok(())
}

#[tokio::test]
async fn who_paused_when_and_why_is_kept_until_the_end_of_the_pause() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .client
        .batch_execute("select engine_set_environment('env', paused => false)")
        .await?;
    let role: String = session
        .client
        .query_one("select current_user::text", &[])
        .await?
        .get(0);
    for (set, stats) in [
        (
            "engine_set_queue('q', 'env', ",
            "engine.queue_stats where queue = 'q'",
        ),
        (
            "engine_set_environment('env', ",
            "engine.environment_stats where environment_id = 'env'",
        ),
    ] {
        let call = async |arguments: &str| {
            let sql =
                format!("select paused, paused_at, paused_by, pause_reason from {set}{arguments})");
            let row = session.client.query_one(&sql, &[]).await?;
            let sql = format!("select is_paused, paused_at, paused_by, pause_reason from {stats}");
            let shown = session.client.query_one(&sql, &[]).await?;
            let read = |row: &Row| {
                let at: Option<SystemTime> = row.get(1);
                let (by, why): (Option<String>, Option<String>) = (row.get(2), row.get(3));
                (row.get::<_, bool>(0), at, by, why)
            };
            assert_eq!(read(&row), read(&shown), "{arguments}");
            anyhow::Ok(read(&row))
        };
        let made = call("paused => true, reason => 'INC-7'").await?;
        let (is_paused, at, by, reason) = made.clone();
        assert!(is_paused && at.is_some());
        assert_eq!((by, reason.as_deref()), (Some(role.clone()), Some("INC-7")));
        assert_eq!(call("concurrency_limit => 3").await?, made);
        assert_eq!(call("paused => true").await?, made, "it is the same pause");
        let (_, still_at, _, other) = call("paused => true, reason => 'INC-8'").await?;
        assert_eq!((still_at, other.as_deref()), (at, Some("INC-8")));
        assert_eq!(call("paused => false").await?, (false, None, None, None));
        let (.., reason) = call("paused => true").await?;
        assert_eq!(reason, None, "the reason was that of another pause");
        for refused in [
            "reason => 'x'",
            "paused => false, reason => 'x'",
            "paused => true, reason => repeat('x', 1025)",
        ] {
            let error = call(refused).await.err().context("it was taken")?;
            let error = error.downcast::<tokio_postgres::Error>()?;
            let code = error.code().map(|code| code.code().to_owned());
            assert_eq!(code.as_deref(), Some("22023"), "{refused}");
        }
        call("paused => false").await?;
    }
    session.check().await
}

#[tokio::test]
async fn an_override_stands_in_for_the_limit_until_it_is_taken_back() -> Result<()> {
    let session = limited(10, 1.0).await?;
    set_queue(&session, "1").await?;
    set_queue(&session, "override_limit => 3").await?;
    for _ in 0..6 {
        trigger(&session, "q").await?;
    }
    let held = session.dequeue_many(10).await?;
    assert_eq!(held.len(), 3);
    set_queue(&session, "override_limit => null").await?;
    for held in held {
        let held = session.start(&held).await?;
        session.complete(&held, json!({"ok": true})).await?;
    }
    assert_eq!(dequeue_all(&session).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_first_limit_counts_the_slots_that_are_held_already() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for _ in 0..4 {
        session.trigger_with("'test', queue => 'q'").await?;
    }
    assert_eq!(session.dequeue_many(2).await?.len(), 2);
    session
        .client
        .batch_execute("select engine_set_queue('q', concurrency_limit => 2)")
        .await?;
    assert_eq!(session.dequeue().await?, None);
    session
        .client
        .batch_execute("select engine_set_queue('q', concurrency_limit => 3)")
        .await?;
    assert_eq!(dequeue_all(&session).await?, 1);
    session
        .client
        .batch_execute("select engine_set_queue('q', concurrency_limit => null)")
        .await?;
    assert_eq!(dequeue_all(&session).await?, 1);
    assert_eq!(session.count("engine.lane").await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_full_queue_refuses_triggers_and_takes_them_again_when_it_is_shorter() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger_with("'test', queue => 'q'").await?;
    session
        .client
        .batch_execute("select engine_set_queue('q', max_size => 2)")
        .await?;
    session.trigger_with("'test', queue => 'q'").await?;
    let refused = session
        .refused("select engine_trigger('test', queue => 'q')")
        .await?;
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("RE008", "queue \"q\" is full")
    );
    session.trigger_with("'test', queue => 'another'").await?;
    session.dequeue().await?;
    session.trigger_with("'test', queue => 'q'").await?;
    let two = "select engine_trigger_many('[{\"task\": \"t\", \"queue\": \"q\"}, {\"task\": \"t\", \"queue\": \"q\"}]')";
    assert_eq!(session.refused(two).await?.code, "RE008");
    Ok(())
}

#[tokio::test]
async fn an_archived_environment_takes_no_new_runs() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .batch_execute("select engine_set_environment('env', archived => true)")
        .await?;
    let refused = session
        .refused("select engine_trigger('test', environment_id => 'env')")
        .await?;
    assert_eq!(refused.code, "RE005");
    session
        .client
        .batch_execute("select engine_set_environment('env', archived => false)")
        .await?;
    trigger(&session, "q").await?;
    Ok(())
}
