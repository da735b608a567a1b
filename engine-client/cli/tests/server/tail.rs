//! `engine tail`.

use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Cluster, Database, Options, Session};
use serde_json::{Value, json};

use super::{cells, follow, next, prints};

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the program reads events.
async fn reading(session: &Session) -> Result<()> {
    eventually("tail reads events", PATIENCE, async || {
        let readers = "pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
                       and query like '%engine_events%'";
        Ok(session.count(readers).await? == 1)
    })
    .await
}

/// Positions and names of all events.
async fn told(session: &Session) -> Result<Vec<(i64, String)>> {
    let events = session.all_events(0).await?.into_iter();
    Ok(events.map(|event| (event.position, event.name)).collect())
}

#[tokio::test]
async fn tail_prints_every_event_in_order_as_it_happens() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger("before").await?;
    session.dequeue().await?;
    let before = told(&session).await?.len();
    let (_child, mut lines) = follow(&database, &["tail", "--json"])?;
    reading(&session).await?;
    let mut seen = told(&session).await?;
    assert_eq!(seen.len(), before);
    for turn in 0..3 {
        let held = session.executing(&format!("t{turn}")).await?;
        session.complete(&held, json!({"ok": true})).await?;
        // What has happened so far is printed before anything else happens.
        let all = told(&session).await?;
        while seen.len() < all.len() {
            let event = next(&mut lines).await?;
            let position = event["position"].as_i64().context("no position")?;
            let name = event["name"].as_str().context("no name")?.to_owned();
            assert!(
                event["run_id"]
                    .as_str()
                    .is_some_and(|run| run.starts_with("run_"))
            );
            seen.push((position, name));
        }
        assert_eq!(seen, all);
    }
    Ok(())
}

#[tokio::test]
async fn tail_continues_where_it_was_when_its_server_is_back() -> Result<()> {
    let mut cluster = Cluster::start(Options::default()).await?;
    let database = cluster.database().await?;
    let session = Session::open(&database).await?;
    session.trigger("t").await?;
    let (_child, mut lines) = follow(&database, &["tail", "--json", "--after", "0"])?;
    let mut seen = Vec::new();
    for _ in told(&session).await? {
        seen.push(next(&mut lines).await?["position"].clone());
    }
    reading(&session).await?;
    cluster.kill_9()?;
    cluster.restart()?;
    let session = Session::open(&database).await?;
    session.trigger("t").await?;
    session.take().await?;
    let all = told(&session).await?;
    while seen.len() < all.len() {
        seen.push(next(&mut lines).await?["position"].clone());
    }
    let all: Vec<Value> = all
        .into_iter()
        .map(|(position, _)| json!(position))
        .collect();
    assert_eq!(seen, all);
    session.check().await
}

#[tokio::test]
async fn tail_begins_at_the_given_position_and_stops_at_the_end() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let first = session.trigger("first").await?;
    let held = session.take().await?;
    let failure =
        json!({"ok": false, "error": {"type": "STRING_ERROR", "raw": "out of ink"}, "retry": null});
    session.complete(&held, failure).await?;
    session.trigger("second").await?;
    let all = told(&session).await?;
    let text = prints(&database, &["tail", "--after", "0", "--no-follow"]).await?;
    assert_eq!(text.lines().count(), all.len(), "{text}");
    let after = all[1].0.to_string();
    let text = prints(
        &database,
        &["tail", "--after", &after, "--no-follow", "--json"],
    )
    .await?;
    assert_eq!(text.lines().count(), all.len() - 2, "{text}");
    let only = [
        "tail",
        "--after",
        "0",
        "--no-follow",
        "--name",
        "runFailed",
        "--name",
        "runCreated",
    ];
    let text = prints(&database, &[&only[..], &["--run", &first.run_id]].concat()).await?;
    let lines: Vec<Vec<&str>> = cells(&text);
    let run = format!("run_{}", first.run_id);
    assert_eq!(lines[0][1..], ["runCreated", &run, "PENDING"]);
    assert_eq!(
        lines[1][1..],
        [
            "runFailed",
            &run,
            "COMPLETED_WITH_ERRORS",
            "attempt 1",
            "out of ink"
        ]
    );
    assert_eq!(lines.len(), 2);
    for (shard, count) in [("0", all.len()), ("1", 0)] {
        let only = ["tail", "--after", "0", "--no-follow", "--shard", shard];
        let text = prints(&database, &only).await?;
        assert_eq!(text.lines().count(), count, "{text}");
    }
    assert_eq!(prints(&database, &["tail", "--no-follow"]).await?, "");
    Ok(())
}

#[tokio::test]
async fn tail_ends_quietly_when_its_reader_is_gone() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger("t").await?;
    let (mut child, mut lines) = follow(&database, &["tail", "--after", "0"])?;
    lines.next_line().await?;
    drop(lines);
    session.trigger("t").await?;
    assert_eq!(child.wait().await?.code(), Some(0));
    Ok(())
}
