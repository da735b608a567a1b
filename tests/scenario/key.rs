//! Concurrency keys. Each key of a queue has the queue's limit for itself.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};
use serde_json::json;

async fn limited(limit: &str) -> Result<Session> {
    let session = Session::open(&Database::fresh().await?).await?;
    let sql = format!(
        "select engine_set_environment('env', concurrency_limit => 10); select engine_set_queue('q', 'env', {limit})"
    );
    session.client.batch_execute(&sql).await?;
    Ok(session)
}

async fn trigger(session: &Session, key: &str) -> Result<String> {
    let arguments =
        format!("'test', environment_id => 'env', queue => 'q', concurrency_key => '{key}'");
    Ok(session.trigger_with(&arguments).await?.run_id)
}

/// The keys of up to `max_runs` runs that are dequeued in one call, in order.
async fn dequeue_keys(session: &Session, max_runs: i32) -> Result<Vec<String>> {
    let sql = "select coalesce(concurrency_key, '') from engine_dequeue(max_runs => $1)";
    let rows = session.client.query(sql, &[&max_runs]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn number(session: &Session, sql: &str) -> Result<i64> {
    Ok(session.client.query_one(sql, &[]).await?.get(0))
}

/// Spec: CK-01, CK-05, CK-06.
#[tokio::test]
async fn a_queue_has_what_its_keys_have() -> Result<()> {
    let session = limited("null").await?;
    for key in ["a", "a", "b", ""] {
        trigger(&session, key).await?;
    }
    let queued = "select queued from engine.queue_stats where queue = 'q'";
    assert_eq!(number(&session, queued).await?, 4);
    let of_key =
        |key: &str| format!("select queued from engine.key_stats where concurrency_key = '{key}'");
    assert_eq!(number(&session, &of_key("a")).await?, 2);
    assert_eq!(number(&session, &of_key("b")).await?, 1);
    assert_eq!(dequeue_keys(&session, 10).await?.len(), 4);
    assert_eq!(number(&session, queued).await?, 0);
    assert_eq!(
        number(
            &session,
            "select running from engine.queue_stats where queue = 'q'"
        )
        .await?,
        4
    );
    Ok(())
}

/// Spec: CK-17.
#[tokio::test]
async fn the_keys_take_turns() -> Result<()> {
    let session = limited("null").await?;
    for key in ["a", "a", "b"] {
        trigger(&session, key).await?;
    }
    assert_eq!(dequeue_keys(&session, 2).await?, ["a", "b"]);
    Ok(())
}

#[tokio::test]
async fn a_key_does_not_wait_for_the_backlog_of_another_one() -> Result<()> {
    let session = limited("null").await?;
    for _ in 0..20 {
        trigger(&session, "a").await?;
    }
    trigger(&session, "b").await?;
    let claimed = dequeue_keys(&session, 5).await?;
    assert_eq!(
        claimed.iter().filter(|key| *key == "b").count(),
        1,
        "{claimed:?}"
    );
    Ok(())
}

/// Spec: CK-18.
#[tokio::test]
async fn what_was_consumed_is_not_looked_at_again() -> Result<()> {
    let session = limited("1").await?;
    for key in ["a", "a", "b", "b"] {
        trigger(&session, key).await?;
    }
    for _ in 0..2 {
        for held in session.dequeue_many(10).await? {
            let held = session.start(&held).await?;
            session.complete(&held, json!({"ok": true})).await?;
        }
    }
    assert_eq!(session.dequeue().await?, None);
    for table in ["lane", "release", "queue_item", "slot"] {
        assert_eq!(
            session.count(&format!("engine.{table}")).await?,
            0,
            "{table}"
        );
    }
    Ok(())
}

/// Spec: CK-19.
#[tokio::test]
async fn keys_and_none_live_side_by_side() -> Result<()> {
    let session = limited("1").await?;
    trigger(&session, "a").await?;
    trigger(&session, "").await?;
    assert_eq!(dequeue_keys(&session, 10).await?, ["a", ""]);
    Ok(())
}

/// Spec: CK-21.
#[tokio::test]
async fn a_requeued_run_keeps_its_key() -> Result<()> {
    let session = limited("1").await?;
    let run = trigger(&session, "a").await?;
    trigger(&session, "a").await?;
    session.dequeue().await?.context("nothing is queued")?;
    assert_eq!(session.dequeue().await?, None, "the key is full");
    session.lapse(&run).await?;
    session.tick().await?;
    session.make_due(&run).await?;
    assert_eq!(dequeue_keys(&session, 10).await?, ["a"]);
    assert_eq!(
        session
            .count("engine.queue_item where concurrency_key = 'a'")
            .await?,
        1
    );
    Ok(())
}

/// Spec: CK-22.
#[tokio::test]
async fn operators_see_the_keys_that_starve() -> Result<()> {
    let session = limited("null").await?;
    for (key, seconds) in [("ck-a", 10), ("ck-a", 5), ("ck-b", 2)] {
        let arguments = format!(
            "'test', environment_id => 'env', queue => 'q', concurrency_key => '{key}', \
             queue_timestamp => '2026-01-01 00:00:00+00'::timestamptz - interval '{seconds} s'"
        );
        session.trigger_with(&arguments).await?;
    }
    let sql = "select concurrency_key, queued, running, oldest_available_at = '2026-01-01 00:00:00+00'::timestamptz - interval '10 s' \
               from engine.key_stats order by oldest_available_at";
    let rows = session.client.query(sql, &[]).await?;
    let keys: Vec<(&str, i64, i64, bool)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    assert_eq!(keys, [("ck-a", 2, 0, true), ("ck-b", 1, 0, false)]);
    assert_eq!(
        number(&session, "select waiting_keys from engine.queue_stats").await?,
        2
    );
    Ok(())
}

/// Spec: CK-23, CK-24, CK-25.
#[tokio::test]
async fn any_text_is_a_key() -> Result<()> {
    let session = limited("1").await?;
    let keys = ["*", "a:ck:b", "'", "ключ", " ", "*"];
    for key in keys {
        trigger(&session, &key.replace('\'', "''")).await?;
    }
    assert_eq!(
        dequeue_keys(&session, 10).await?,
        keys[..5],
        "the second * waits for the first"
    );
    let star = "select run_id from engine.slot where concurrency_key = '*'";
    let star: String = session.client.query_one(star, &[]).await?.get(0);
    session.lapse(&star).await?;
    session.tick().await?;
    session.make_due(&star).await?;
    assert_eq!(dequeue_keys(&session, 10).await?, ["*"]);
    Ok(())
}

/// Spec: CK-26.
#[tokio::test]
async fn each_key_has_the_limit_for_itself() -> Result<()> {
    let session = limited("1").await?;
    for key in ["a", "b", "c", "a", "b", "c"] {
        trigger(&session, key).await?;
    }
    for key in ["a", "b", "c"] {
        assert_eq!(dequeue_keys(&session, 1).await?, [key]);
    }
    assert!(dequeue_keys(&session, 1).await?.is_empty());
    Ok(())
}

/// Spec: CK-27.
#[tokio::test]
async fn full_keys_do_not_hide_one_that_has_a_slot() -> Result<()> {
    let session = limited("1").await?;
    session
        .client
        .batch_execute("select engine_set_environment('env', concurrency_limit => 100)")
        .await?;
    let full = "select count(*) from engine_trigger_many(( \
                select jsonb_agg(jsonb_build_object('task', 'test', 'environment_id', 'env', 'queue', 'q', \
                                                    'concurrency_key', 'full' || n % 40)) \
                from generate_series(0, 399) as n))";
    session.client.query_one(full, &[]).await?;
    assert_eq!(dequeue_keys(&session, 40).await?.len(), 40);
    trigger(&session, "free").await?;
    assert_eq!(dequeue_keys(&session, 1).await?, ["free"]);
    Ok(())
}

/// Spec: CK-29.
#[tokio::test]
async fn an_empty_key_is_none() -> Result<()> {
    let session = limited("1").await?;
    trigger(&session, "").await?;
    session
        .trigger_with("'test', environment_id => 'env', queue => 'q'")
        .await?;
    assert_eq!(
        dequeue_keys(&session, 10).await?.len(),
        1,
        "both count against the queue itself"
    );
    assert_eq!(
        session
            .count("engine.run where concurrency_key is null")
            .await?,
        2
    );
    Ok(())
}
