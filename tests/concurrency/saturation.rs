//! With the library preloaded, a session that found an environment full skips it until a slot is given back.

use std::time::Duration;

use anyhow::Result;
use engine_harness::condition::eventually;
use engine_harness::{Database, Held, Session};
use serde_json::json;

use crate::reservation::preloaded;

/// A session that holds the only slot of an environment with three runs, and another one that found it full.
async fn full(database: &Database) -> Result<(Session, Session, Held)> {
    let (holder, other) = (
        Session::open(database).await?,
        Session::open(database).await?,
    );
    let sql = "select engine_set_environment('env', concurrency_limit => 1)";
    holder.client.batch_execute(sql).await?;
    // Until rows are adapted to the limit, every dequeue counts.
    assert_eq!(holder.tick_of("fitted_environment").await?, 1);
    for _ in 0..3 {
        holder
            .trigger_with("'task', environment_id => 'env', queue => 'q'")
            .await?;
    }
    let held = holder.take().await?;
    assert!(other.dequeue().await?.is_none(), "the slot is taken");
    Ok((holder, other, held))
}

#[tokio::test]
async fn a_full_environment_is_not_counted_again_before_a_slot_is_given_back() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let (holder, other, held) = full(&database).await?;
    let scans = "select idx_scan from pg_stat_xact_user_tables where schemaname = 'engine' and relname = 'heartbeat'";
    other.client.batch_execute("begin").await?;
    let before: i64 = other.client.query_one(scans, &[]).await?.get(0);
    for _ in 0..10 {
        assert!(other.dequeue().await?.is_none());
    }
    let after: i64 = other.client.query_one(scans, &[]).await?.get(0);
    other.client.batch_execute("commit").await?;
    // It counts once a second nevertheless.
    assert!(after - before <= 1, "{} counts", after - before);
    holder.complete(&held, json!({"ok": true})).await?;
    assert!(other.dequeue().await?.is_some());
    other.check().await
}

#[tokio::test]
async fn a_slot_is_found_at_once_whichever_way_it_was_given_back() -> Result<()> {
    let ways = [
        "complete", "retry", "cancel", "stall", "suspend", "limit", "no limit",
    ];
    let cluster = preloaded().await?;
    for way in ways {
        let database = cluster.database().await?;
        let (holder, other, held) = full(&database).await?;
        let error = json!({"type": "STRING_ERROR", "raw": "no"});
        match way {
            "complete" => {
                holder.complete(&held, json!({"ok": true})).await?;
            }
            "retry" => {
                let failure = json!({"ok": false, "error": error, "retry": {"delay": 600_000}});
                holder.complete(&held, failure).await?;
            }
            "cancel" => {
                let run = format!("'{}', finalize => true", held.run_id);
                holder.cancel(&run).await?;
            }
            "stall" => {
                holder.lapse(&held.run_id).await?;
                holder.tick().await?;
            }
            "suspend" => {
                let sql = "select waitpoint_id from engine_create_manual_waitpoint(environment_id => 'env')";
                let token: String = holder.client.query_one(sql, &[]).await?.get(0);
                let blocked = holder.block(&held.run_id, &[&token]).await?;
                holder.suspend(&blocked.held, "why").await?;
            }
            limit => {
                let limit = if limit == "limit" { "2" } else { "null" };
                let sql =
                    format!("select engine_set_environment('env', concurrency_limit => {limit})");
                holder.client.batch_execute(&sql).await?;
            }
        }
        assert!(other.dequeue().await?.is_some(), "{way}");
        other.check().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_session_that_rolls_back_gives_nothing_back_and_holds_nothing() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let (holder, other, held) = full(&database).await?;
    // Within its own transaction it finds the slot that it gave back, and then that it has taken it again.
    holder.client.batch_execute("begin").await?;
    holder.complete(&held, json!({"ok": true})).await?;
    assert!(holder.dequeue().await?.is_some());
    assert!(holder.dequeue().await?.is_none());
    assert!(other.dequeue().await?.is_none(), "it has not committed");
    holder.client.batch_execute("rollback").await?;
    assert!(other.dequeue().await?.is_none());
    holder.complete(&held, json!({"ok": true})).await?;

    // A session that fills the environment and rolls back leaves the slot free, for itself as well.
    holder.client.batch_execute("begin").await?;
    assert!(holder.dequeue().await?.is_some());
    assert!(holder.dequeue().await?.is_none());
    assert!(other.dequeue().await?.is_none());
    holder.client.batch_execute("rollback").await?;
    assert!(holder.dequeue().await?.is_some());
    holder.check().await
}

#[tokio::test]
async fn a_slot_that_a_prepared_transaction_gave_back_is_found() -> Result<()> {
    let cluster = preloaded().await?;
    let database = cluster.database().await?;
    let (holder, other, held) = full(&database).await?;
    holder.client.batch_execute("begin").await?;
    holder.complete(&held, json!({"ok": true})).await?;
    let sql = "prepare transaction 'end'";
    holder.client.batch_execute(sql).await?;
    assert!(other.dequeue().await?.is_none());
    holder.client.batch_execute("commit prepared 'end'").await?;
    let patience = Duration::from_secs(10);
    eventually("the slot is found", patience, async || {
        Ok(other.dequeue().await?.is_some())
    })
    .await?;
    other.check().await
}
