//! `engine top`, without a live view.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

use super::{follow, next, prints, prints_json};

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
    // Of the last ten seconds, in which four runs were triggered and one was dequeued.
    let rate = |name: &str| picture["rate"][name].as_f64().unwrap_or(-1.0);
    assert_eq!(rate("seconds"), 10.0);
    assert!((0.1..=0.401).contains(&rate("triggered")), "{picture}");
    assert!((0.1..=0.101).contains(&rate("dequeued")), "{picture}");
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
