//! Dequeues beside transactions that stay open.

use anyhow::Result;
use engine_harness::condition::{backend_pid, eventually};
use engine_harness::{Database, Session};
use std::time::Duration;

async fn two_sessions() -> Result<(Session, Session)> {
    let database = Database::fresh().await?;
    Ok((
        Session::open(&database).await?,
        Session::open(&database).await?,
    ))
}

/// Dequeues with and without limits take different paths.
const LIMITS: [&str; 2] = ["", "select engine_set_queue('q', concurrency_limit => 5)"];

async fn trigger(session: &Session) -> Result<String> {
    Ok(session.trigger_with("'test', queue => 'q'").await?.run_id)
}

/// Spec: PG-01.
#[tokio::test]
async fn a_dequeue_that_is_rolled_back_never_happened() -> Result<()> {
    for limit in LIMITS {
        let (one, _) = two_sessions().await?;
        one.client.batch_execute(limit).await?;
        let run = trigger(&one).await?;
        one.client.batch_execute("begin").await?;
        assert!(one.dequeue().await?.is_some());
        one.client.batch_execute("rollback").await?;
        assert_eq!(one.status(&run).await?.0, "QUEUED");
        assert_eq!(one.count("engine.slot").await?, 0);
        assert_eq!(one.count("engine.snapshot").await?, 1);
        assert!(one.dequeue().await?.is_some());
    }
    Ok(())
}

/// Spec: PG-02.
#[tokio::test]
async fn a_dequeue_whose_session_ends_never_happened() -> Result<()> {
    for limit in LIMITS {
        let (one, other) = two_sessions().await?;
        one.client.batch_execute(limit).await?;
        let run = trigger(&one).await?;
        let pid = backend_pid(&one.client).await?;
        one.client.batch_execute("begin").await?;
        assert!(one.dequeue().await?.is_some());
        other
            .client
            .query_one("select pg_terminate_backend($1)", &[&pid])
            .await?;
        eventually("the session is gone", Duration::from_secs(10), async || {
            let sql = "select count(*) from pg_stat_activity where pid = $1";
            Ok(other.client.query_one(sql, &[&pid]).await?.get::<_, i64>(0) == 0)
        })
        .await?;
        assert_eq!(other.status(&run).await?.0, "QUEUED");
        assert!(other.dequeue().await?.is_some());
    }
    Ok(())
}

/// Spec: PG-04.
#[tokio::test]
async fn a_run_that_is_being_cancelled_is_skipped_and_never_dequeued() -> Result<()> {
    for limit in LIMITS {
        let (one, other) = two_sessions().await?;
        one.client.batch_execute(limit).await?;
        let cancelled = trigger(&one).await?;
        let next = trigger(&one).await?;
        one.client.batch_execute("begin").await?;
        one.client
            .query("select engine_cancel($1)", &[&cancelled])
            .await?;
        assert_eq!(other.dequeue().await?.map(|held| held.run_id), Some(next));
        assert_eq!(other.dequeue().await?, None);
        one.client.batch_execute("commit").await?;
        assert_eq!(other.dequeue().await?, None);
    }
    Ok(())
}

/// Spec: PG-06.
#[tokio::test]
async fn regions_share_the_limits_of_an_environment() -> Result<()> {
    let (one, _) = two_sessions().await?;
    one.client
        .batch_execute("select engine_set_environment('env', concurrency_limit => 1)")
        .await?;
    for region in ["eu", "us"] {
        one.trigger_with(&format!(
            "'test', environment_id => 'env', worker_queue => '{region}'"
        ))
        .await?;
    }
    let dequeued = async |region: &str| -> Result<usize> {
        Ok(one
            .client
            .query("select * from engine_dequeue($1)", &[&region])
            .await?
            .len())
    };
    assert_eq!(dequeued("eu").await? + dequeued("us").await?, 1);
    assert_eq!(dequeued("eu").await? + dequeued("us").await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_open_dequeue_delays_neither_a_finish_nor_another_environment() -> Result<()> {
    let (one, other) = two_sessions().await?;
    let limits = "select engine_set_environment('a', concurrency_limit => 5); \
                  select engine_set_environment('b', concurrency_limit => 5)";
    one.client.batch_execute(limits).await?;
    for environment in ["a", "a", "b"] {
        one.trigger_with(&format!(
            "'test', environment_id => '{environment}', queue => '{environment}'"
        ))
        .await?;
    }
    let held = one.take().await?;
    let sql = "select run_id from engine_dequeue(environment_id => $1)";
    one.client.batch_execute("begin").await?;
    let in_a =
        one.client.query(sql, &[&"a"]).await?.len() + one.client.query(sql, &[&"a"]).await?.len();
    assert!(in_a > 0);
    // The mutex of "a" is held until the commit. Nothing here may wait for it.
    other
        .client
        .batch_execute("set statement_timeout = '5 s'")
        .await?;
    other
        .complete(&held, serde_json::json!({"ok": true}))
        .await?;
    other
        .trigger_with("'test', environment_id => 'a', queue => 'a'")
        .await?;
    assert!(other.client.query(sql, &[&"a"]).await?.is_empty(), "busy");
    assert!(other.client.query(sql, &[&"b"]).await?.len() <= 1);
    one.client.batch_execute("commit").await?;
    Ok(())
}
