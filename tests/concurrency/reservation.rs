//! With the library preloaded, dequeues of an environment with a limit reserve its slots, and do not wait for each
//! other.

use anyhow::Result;
use engine_harness::{Cluster, Database, Options, Session};
use serde_json::json;

use crate::limit::{by_turns, changing_limits, fifty_workers};

const LIBRARIES: &str = "shared_preload_libraries";

/// A server with the library preloaded.
pub async fn preloaded() -> Result<Cluster> {
    let options = Options::quick()
        .set(LIBRARIES, "engine")
        .set("max_prepared_transactions", "5");
    Cluster::start(options).await
}

/// An environment of `limit` slots with ten runs.
async fn limited(database: &Database, limit: i32) -> Result<Session> {
    let session = Session::open(database).await?;
    let sql = format!("select engine_set_environment('env', concurrency_limit => {limit})");
    session.client.batch_execute(&sql).await?;
    for _ in 0..10 {
        session
            .trigger_with("'task', environment_id => 'env'")
            .await?;
    }
    Ok(session)
}

async fn is_reserving(session: &Session) -> Result<bool> {
    let what = "engine.environment where id = 'env' and reserves_slots";
    Ok(session.count(what).await? == 1)
}

/// Spec: LM-09.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_sessions_that_reserve_never_hold_more_than_the_limits() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    fifty_workers(database.clone()).await?;
    Session::open(&database).await?.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_take_turns_and_reserve_never_hold_more_than_the_limits() -> Result<()> {
    let cluster = preloaded().await?;
    by_turns(cluster.database().await?).await
}

/// Spec: LM-10.
#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_while_everything_changes_and_dequeues_reserve() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    changing_limits(database.clone()).await?;
    let session = Session::open(&database).await?;
    assert!(is_reserving(&session).await?);
    session.check().await
}

#[tokio::test]
async fn dequeues_that_have_not_committed_share_the_slots_of_an_environment_and_do_not_wait()
-> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let first = limited(&database, 3).await?;
    let (second, third) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    for session in [&first, &second] {
        session.client.batch_execute("begin").await?;
    }
    assert_eq!(first.dequeue_many(2).await?.len(), 2);
    // In one transaction, too, all of its dequeues count once.
    assert_eq!(second.dequeue_many(5).await?.len(), 1);
    assert_eq!(second.dequeue_many(5).await?.len(), 0);
    assert_eq!(third.dequeue_many(5).await?.len(), 0);
    first.client.batch_execute("rollback").await?;
    assert_eq!(third.dequeue_many(5).await?.len(), 2);
    second.client.batch_execute("commit").await?;
    assert_eq!(third.dequeue_many(5).await?.len(), 0);
    third.check().await
}

#[tokio::test]
async fn a_slot_that_was_given_back_by_a_transaction_that_rolls_back_is_held() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = limited(&database, 4).await?;
    let held = session.dequeue_many(4).await?;
    session.client.batch_execute("begin").await?;
    for held in &held[..3] {
        let started = session.start(held).await?;
        session.complete(&started, json!({"ok": true})).await?;
    }
    assert_eq!(session.dequeue_many(1).await?.len(), 1);
    session.client.batch_execute("rollback").await?;
    // Requests so few that what was counted meanwhile would leave room for it.
    assert_eq!(session.dequeue_many(1).await?.len(), 0);
    session.check().await
}

#[tokio::test]
async fn a_limit_that_is_lowered_or_set_again_holds_for_sessions_that_counted_before() -> Result<()>
{
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = limited(&database, 100).await?;
    let operator = Session::open(&database).await?;
    assert_eq!(session.dequeue_many(2).await?.len(), 2);
    let set =
        |limit: &str| format!("select engine_set_environment('env', concurrency_limit => {limit})");
    operator.client.batch_execute(&set("3")).await?;
    assert_eq!(session.dequeue_many(5).await?.len(), 1);
    // While there is no limit no dequeue counts.
    operator.client.batch_execute(&set("null")).await?;
    assert_eq!(session.dequeue_many(2).await?.len(), 2);
    operator.client.batch_execute(&set("6")).await?;
    assert_eq!(session.dequeue_many(5).await?.len(), 1);
    session.check().await
}

#[tokio::test]
async fn a_transaction_that_has_dequeued_within_a_limit_cannot_be_prepared() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let session = limited(&database, 1).await?;
    session.client.batch_execute("begin").await?;
    assert_eq!(session.dequeue_many(1).await?.len(), 1);
    let refused = session.refused("prepare transaction 'dequeue'").await?;
    assert_eq!(refused.code, "0A000");
    assert!(!refused.detail.is_empty() && !refused.hint.is_empty());
    session.client.batch_execute("rollback").await?;
    assert_eq!(session.dequeue_many(5).await?.len(), 1);
    session.check().await
}

/// Starts and completes a run.
async fn work(session: &Session) -> Result<bool> {
    let Some(held) = session.dequeue().await? else {
        return Ok(false);
    };
    let held = session.start(&held).await?;
    session.complete(&held, json!({"ok": true})).await?;
    Ok(true)
}

#[tokio::test]
async fn a_server_that_is_started_with_the_library_preloaded_or_without_continues_where_it_was()
-> Result<()> {
    let mut cluster = Cluster::start(Options::quick()).await?;
    let database = cluster.database().await?;
    let session = limited(&database, 2).await?;
    assert!(!is_reserving(&session).await?);
    assert_eq!(session.dequeue_many(5).await?.len(), 2);
    assert_eq!(session.dequeue_many(5).await?.len(), 0);
    let is_preloaded = |is| {
        if is {
            "alter system set shared_preload_libraries = 'engine'"
        } else {
            "alter system reset shared_preload_libraries"
        }
    };
    for is in [true, false, true] {
        let operator = cluster.connect().await?;
        operator.batch_execute(is_preloaded(is)).await?;
        drop(operator);
        cluster.restart()?;
        let session = Session::open(&database).await?;
        assert_eq!(
            session.dequeue_many(5).await?.len(),
            0,
            "both slots are held"
        );
        session.check().await?;
        // Slots and items are adapted to the other way of counting.
        session.tick().await?;
        session.check().await?;
        let sql = "select run_id from engine.slot order by acquired_at limit 1";
        let run_id: String = session.client.query_one(sql, &[]).await?.get(0);
        session
            .cancel(&format!("'{run_id}', finalize => true"))
            .await?;
        assert!(work(&session).await?, "the slot that was given back");
        assert_eq!(session.dequeue_many(5).await?.len(), 1);
        // The first dequeue of a run has switched it.
        assert_eq!(is_reserving(&session).await?, is);
        session.check().await?;
    }
    Ok(())
}
