//! What is gathered per minute, and what pages that are watched read, does not grow with the history.

use std::fs;

use anyhow::{Context, Result};
use engine_harness::{Database, Session, Workspace};
use serde_json::Value;

use super::list::rows_scanned;
use super::rows_read;

/// Runs that have ended, and their snapshots.
const ENDED: i64 = 20_000;
const SNAPSHOTS: i64 = 4 * ENDED;

const FILL: &str = include_str!("../../bench/sql/fill_finished.sql");

/// Statements of pages that are about what happens now.
const PAGES: [&str; 6] = [
    "event_list.sql",
    "history_minutes.sql",
    "latency.sql",
    "retrying.sql",
    "wait_counts.sql",
    "worker_list.sql",
];

/// A database with a long history, all of which is gathered.
async fn with_history() -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .execute(FILL, &[&1_i64, &ENDED, &"cmg000000"])
        .await?;
    session.client.batch_execute("vacuum analyze").await?;
    for _ in 0..3 {
        gather(&session).await?;
    }
    Ok(session)
}

/// Lets the tick gather: as if ten seconds had passed since its last look. Returns how many rows it reads.
async fn gather(session: &Session) -> Result<i64> {
    let wait = "update engine.minute_mark set marked_at = marked_at - interval '10 seconds'";
    session.client.batch_execute(wait).await?;
    rows_read(session, "select * from engine_tick()").await
}

#[tokio::test]
async fn what_the_tick_gathers_is_what_is_new() -> Result<()> {
    let session = with_history().await?;
    for _ in 0..10 {
        session.trigger("new").await?;
    }
    gather(&session).await?;
    let read = gather(&session).await?;
    let gathered = session.count("engine.minute where task = 'new' and triggered = 10");
    assert_eq!(gathered.await?, 1);
    assert!(read < SNAPSHOTS / 8, "it reads {read} rows");
    Ok(())
}

#[tokio::test]
async fn a_page_about_what_happens_now_reads_no_more_of_a_long_history() -> Result<()> {
    let session = with_history().await?;
    for _ in 0..10 {
        session.trigger("new").await?;
    }
    session.dequeue_many(5).await?;
    let root = Workspace::find()?
        .root()
        .join("engine-client/ui/src/query/sql");
    for name in PAGES {
        let statement = fs::read_to_string(root.join(name))?;
        // All environments, and all minutes that there are, of those that ask for either.
        let statement = format!("explain (analyze, format json) {statement}");
        let statement = statement
            .replace("$1::text", "null::text")
            .replace("$1", "null::text")
            .replace("$2::text", "'epoch'");
        let row = session.client.query_one(&statement, &[]).await;
        let plan: Value = row.with_context(|| name)?.get(0);
        let read = rows_scanned(&plan[0]["Plan"]);
        println!("{name} reads {read} rows");
        assert!(
            read < (ENDED / 2) as f64,
            "{name} reads {read} rows: {plan}"
        );
    }
    Ok(())
}
