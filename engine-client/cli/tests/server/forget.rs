//! `engine forget`.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::json;

use super::{engine, prints, prints_json};

/// Has a run with a tag end.
async fn ended(session: &Session, tag: &str) -> Result<String> {
    session
        .trigger_with(&format!("'t', tags => array['{tag}']"))
        .await?;
    let held = session.take().await?;
    session.complete(&held, json!({"ok": true})).await?;
    Ok(held.run_id)
}

#[tokio::test]
async fn what_matches_is_shown_then_forgotten_and_nothing_else() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let (first, second) = (ended(&session, "a").await?, ended(&session, "a").await?);
    let other = ended(&session, "b").await?;
    let live = session
        .trigger_with("'t', tags => array['a']")
        .await?
        .run_id;

    let shown = prints_json(&database, &["forget", "--tag", "a", "--dry-run"]).await?;
    let outcomes: Vec<_> = shown.as_array().context("no rows")?.iter().collect();
    let outcome = |run: &str| {
        let run = format!("run_{run}");
        let row = outcomes.iter().find(|row| row["run_id"] == *run);
        row.map(|row| row["outcome"].clone())
    };
    assert_eq!(outcome(&first), Some(json!("removable")));
    assert_eq!(outcome(&live), Some(json!("live")));
    assert_eq!(outcome(&other), None);

    let asked = engine(&database, &["forget", "--tag", "a"]).await?;
    assert_eq!(asked.code, Some(2));
    assert_eq!(
        asked.stderr,
        "error: it would forget 2 runs\nHINT:  Repeat the command with --yes.\n"
    );
    assert_eq!(session.count("engine.run").await?, 4);

    let done = engine(&database, &["forget", "--tag", "a", "--yes"]).await?;
    assert_eq!(done.code, Some(1), "a run is left");
    assert!(
        done.stdout.ends_with("forgot 2 runs, left 1 run\n"),
        "{done:?}"
    );
    assert!(done.stdout.contains(&live) && !done.stdout.contains(&second));
    let left = format!("engine.run where id in ('{other}', '{live}')");
    assert_eq!(session.count(&left).await?, 2);
    assert_eq!(session.count("engine.run").await?, 2);
    assert_eq!(
        prints(&database, &["forget", &other, "--yes"]).await?,
        "forgot 1 run\n"
    );
    let refused = engine(&database, &["forget", &live, "--yes"]).await?;
    assert!(
        refused.code == Some(1) && refused.stderr.contains("RE004"),
        "{refused:?}"
    );
    Ok(())
}
