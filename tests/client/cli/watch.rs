//! `engine tail` and `engine top`.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::{cells, command, prints, prints_json};

const PATIENCE: Duration = Duration::from_secs(20);

/// Starts the program; gives its lines as they come.
fn follow(
    database: &Database,
    arguments: &[&str],
) -> Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut child = command(database, arguments)?
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().context("no standard output")?;
    Ok((child, BufReader::new(stdout).lines()))
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Value> {
    let line = lines.next_line().await?.context("it has ended")?;
    Ok(serde_json::from_str(&line)?)
}

/// Positions and names of all events, as the engine tells them.
async fn told(session: &Session) -> Result<Vec<(i64, String)>> {
    let sql = "select position, name from engine_events(max_events => 1000) order by position";
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

#[tokio::test]
async fn tail_prints_every_event_in_order_as_it_happens() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger("before").await?;
    session.dequeue().await?;
    let before = told(&session).await?.len();
    let (_child, mut lines) = follow(&database, &["tail", "--json"])?;
    eventually("tail reads events", PATIENCE, async || {
        let reading = "pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
                       and query like '%engine_events%'";
        Ok(session.count(reading).await? == 1)
    })
    .await?;
    let mut seen = told(&session).await?;
    assert_eq!(seen.len(), before);
    for turn in 0..3 {
        let held = session.executing(&format!("t{turn}")).await?;
        session.complete(&held, json!({"ok": true})).await?;
        // What has happened by now is printed before anything else happens.
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
async fn tail_begins_where_it_is_told_and_stops_at_the_end() -> Result<()> {
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
    assert_eq!(prints(&database, &["tail", "--no-follow"]).await?, "");
    Ok(())
}

#[tokio::test]
async fn tail_ends_in_peace_when_nobody_reads_it_any_more() -> Result<()> {
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

#[tokio::test]
async fn top_shows_queues_rates_and_what_is_overdue() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let held = session.executing("t").await?;
    for _ in 0..3 {
        session.trigger("t").await?;
    }
    session.lapse(&held.run_id).await?;
    let picture = prints_json(&database, &["top", "--once"]).await?;
    assert_eq!(picture["database"], database.name());
    assert_eq!(picture["queues"][0]["queued"], 3);
    assert_eq!(picture["overdue"][0]["kind"], "heartbeat");
    assert_eq!(
        picture["stalled"][0]["run_id"],
        format!("run_{}", held.run_id)
    );
    let rate = &picture["rate"];
    let [triggered, dequeued] =
        ["triggered", "dequeued"].map(|name| rate[name].as_f64().unwrap_or(0.0));
    // Each happened in the last ten seconds, over which rates are counted.
    assert!(
        (triggered - 0.4).abs() < 0.01 && (dequeued - 0.1).abs() < 0.01,
        "{rate}"
    );
    let text = prints(&database, &["top"]).await?;
    for words in [
        "3 queued, 3 of them due, 1 running",
        "TRIGGERED/S",
        "1 overdue of kind heartbeat",
        "STALLED RUN",
    ] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    Ok(())
}

#[tokio::test]
async fn top_as_json_is_a_document_per_look() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (_child, mut lines) = follow(&database, &["top", "--json", "--interval", "1"])?;
    assert_eq!(next(&mut lines).await?["queues"], json!([]));
    session.trigger("t").await?;
    while next(&mut lines).await?["queues"] == json!([]) {}
    Ok(())
}
