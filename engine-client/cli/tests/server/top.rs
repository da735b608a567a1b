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

#[tokio::test]
async fn top_says_what_failed_what_is_slow_and_who_works() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session.trigger_with("'slow', max_attempts => 1").await?;
    let earlier = "update engine.run set created_at = created_at - interval '90 seconds', queue_timestamp = now() - interval '90 seconds'; \
                   update engine.snapshot set created_at = created_at - interval '90 seconds'";
    session.client.batch_execute(earlier).await?;
    let held = session.take().await?;
    let error = json!({"type": "BUILT_IN_ERROR", "name": "Timeout", "message": "no answer after 30 s", "stackTrace": ""});
    session
        .complete(&held, json!({"ok": false, "error": error}))
        .await?;
    session.trigger("held").await?;
    let sql =
        "select count(*) from engine_dequeue(worker_id => 'mailers', runner_id => 'mailer-7')";
    session.client.query_one(sql, &[]).await?;
    let picture = prints_json(&database, &["top", "--once"]).await?;
    assert_eq!(picture["failures"][0]["error_code"], "Timeout");
    assert_eq!(picture["failures"][0]["count"], 1);
    let slow = &picture["latencies"][0];
    assert_eq!(slow["task"], "slow", "{picture}");
    for percentile in ["wait_p50_ms", "wait_p95_ms", "wait_p99_ms"] {
        let waited = slow[percentile].as_i64().unwrap_or_default();
        assert!((90_000..150_000).contains(&waited), "{percentile}: {slow}");
    }
    let ran = slow["run_p99_ms"].as_i64().unwrap_or(-1);
    assert!((0..60_000).contains(&ran), "{slow}");
    assert_eq!(picture["workers"][0]["worker"], "mailer-7");
    assert_eq!(picture["workers"][0]["runs"], 1);
    let text = prints(&database, &["top"]).await?;
    for words in [
        "FAILURES",
        "no answer after 0 s",
        "WAIT P50",
        "1 min 3",
        "LAST BEAT",
        "mailer-7",
    ] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    let busy = prints_json(&database, &["workers", "--busy"]).await?;
    assert_eq!(
        (&busy[0]["worker_id"], &busy[0]["late"]),
        (&json!("mailers"), &json!(0))
    );
    let elsewhere = prints(&database, &["workers", "--busy", "-e", "other"]).await?;
    assert_eq!(elsewhere, "no worker is there\n");
    Ok(())
}
