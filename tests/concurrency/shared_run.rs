//! Several parents find one run at the same time, or find it while it ends. Each many times.

use std::collections::HashSet;

use anyhow::{Context, Result};
use engine_harness::{Database, Held, Scale, Session};
use serde_json::json;
use tokio::task::JoinSet;

const ROUNDS: Scale = Scale::new("rounds", 20, 100);
const PARENTS: usize = 8;

fn child(parent: &Held, more: &str) -> String {
    format!(
        "select run_id from engine_trigger('child', parent_run_id => '{}', resume_parent => true, {more})",
        parent.run_id
    )
}

/// Each parent makes its call in `sql` at the same time; returns the runs of the calls.
async fn rush(
    crowd: Vec<(Session, Held)>,
    sql: impl Fn(usize, &Held) -> String,
) -> Result<(Vec<(Session, Held)>, HashSet<String>)> {
    let mut calls = JoinSet::new();
    for (place, (session, parent)) in crowd.into_iter().enumerate() {
        let sql = sql(place, &parent);
        calls.spawn(async move {
            let row = session.client.query_one(&sql, &[]).await?;
            Ok::<_, anyhow::Error>(((session, parent), row.get::<_, String>(0)))
        });
    }
    let (mut crowd, mut runs) = (Vec::new(), HashSet::new());
    while let Some(done) = calls.join_next().await {
        let (member, run) = done??;
        crowd.push(member);
        runs.insert(run);
    }
    Ok((crowd, runs))
}

async fn continues(session: &Session, crowd: &[(Session, Held)]) -> Result<()> {
    session.tick().await?;
    for (_, parent) in crowd {
        assert_eq!(session.execution_status(&parent.run_id).await?, "EXECUTING");
    }
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parents_that_say_one_key_at_once_each_waits_for_the_one_child() -> Result<()> {
    let database = Database::fresh().await?;
    let observer = Session::open(&database).await?;
    let mut crowd = Vec::new();
    for _ in 0..PARENTS {
        let parent = observer.executing("parent").await?;
        crowd.push((Session::open(&database).await?, parent));
    }
    for round in 0..ROUNDS.pick() {
        let option = match round % 3 {
            0 => format!("idempotency_key => 'k{round}'"),
            1 => format!(r#"debounce => '{{"key": "k{round}", "delay": "1h"}}'"#),
            _ => {
                format!(r#"debounce => '{{"key": "k{round}", "delay": "1h", "mode": "trailing"}}'"#)
            }
        };
        let (back, runs) = rush(crowd, |_, parent| child(parent, &option)).await?;
        crowd = back;
        assert_eq!(runs.len(), 1, "round {round}");
        let run = runs.into_iter().next().context("no run")?;
        for (_, parent) in &crowd {
            assert_eq!(observer.edges(&parent.run_id).await?, 1, "round {round}");
        }
        if round % 3 > 0 {
            observer.bring_on(&run).await?;
            observer.tick().await?;
        }
        let held = observer.take().await?;
        assert_eq!(held.run_id, run);
        observer.complete(&held, json!({"ok": true})).await?;
        continues(&observer, &crowd).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_finds_a_run_which_ends_meanwhile_continues() -> Result<()> {
    let database = Database::fresh().await?;
    let observer = Session::open(&database).await?;
    let mut parents = Vec::new();
    for _ in 0..2 {
        let parent = observer.executing("parent").await?;
        parents.push((Session::open(&database).await?, parent));
    }
    for round in 0..ROUNDS.pick() {
        let key = format!("idempotency_key => 'k{round}'");
        observer.trigger_with(&format!("'child', {key}")).await?;
        let held = observer.take().await?;
        let end = format!(
            "select run_id from engine_succeed('{}', '{}')",
            held.run_id, held.snapshot_id
        );
        let other = Session::open(&database).await?;
        let crowd = parents.into_iter().chain([(other, held)]).collect();
        let (back, runs) = rush(crowd, |place, parent| match place {
            2 => end.clone(),
            _ => child(parent, &key),
        })
        .await?;
        assert_eq!(runs.len(), 1, "round {round}");
        let ended = runs.into_iter().next().context("no run")?;
        parents = back
            .into_iter()
            .filter(|(_, held)| held.run_id != ended)
            .collect();
        continues(&observer, &parents).await?;
    }
    Ok(())
}
