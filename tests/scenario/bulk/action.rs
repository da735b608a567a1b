//! What bulk actions do to their runs.

use anyhow::Result;
use serde_json::json;

use super::{begin, counts, ended, open};

#[tokio::test]
async fn runs_are_redriven_released_rescheduled_and_forgotten_in_bulk() -> Result<()> {
    let session = open().await?;
    let expired = session.trigger_with("'late', ttl => '1h'").await?;
    let age = "update engine.queue_item set expires_at = now() - interval '1 second'";
    session.client.execute(age, &[]).await?;
    session.tick().await?;
    assert_eq!(session.status(&expired.run_id).await?.1, "EXPIRED");
    let held = session.executing("held").await?;
    let delayed = session
        .trigger_with("'later', delay_until => now() + interval '1 hour'")
        .await?;
    let over = session
        .trigger_with("'over', priority_ms => 9000000")
        .await?;
    session.cancel(&format!("'{}'", over.run_id)).await?;
    for (call, run, status) in [
        (
            r#"'redrive', '{"task": ["late", "held", "over"]}'"#,
            &expired,
            "PENDING",
        ),
        (
            r#"'release', '{"task": ["late", "held"]}'"#,
            &held,
            "PENDING",
        ),
        (
            r#"'reschedule', '{"all": true}', options => '{"time": "2100-01-01T00:00:00Z"}'"#,
            &delayed,
            "DELAYED",
        ),
        (r#"'forget', '{"task": "over"}'"#, &over, ""),
    ] {
        let id = begin(&session, call).await?;
        let bulk = ended(&session, &id).await?;
        assert_eq!(counts(&bulk), [1, 1, 0, 0], "{call}");
        if status.is_empty() {
            assert!(!session.exists(&run.run_id).await?);
        } else {
            assert_eq!(session.status(&run.run_id).await?.1, status, "{call}");
        }
    }
    let due = "engine.timer where kind = 'END_DELAY' and due_at = '2100-01-01T00:00:00Z'";
    assert_eq!(session.count(due).await?, 1);
    session.check().await
}

#[tokio::test]
async fn waiting_runs_move_to_another_queue_and_to_another_place_in_it() -> Result<()> {
    let session = open().await?;
    let set = "select engine_set_queue('full', max_size => 1), engine_set_queue('slow', concurrency_limit => 1)";
    session.client.query(set, &[]).await?;
    let mut ids = Vec::new();
    for task in ["a", "b", "c"] {
        ids.push(session.trigger(task).await?.run_id);
    }
    let delayed = session
        .trigger_with("'d', delay_until => now() + interval '1 hour'")
        .await?;
    let to =
        |queue: &str| format!(r#"'move', '{{"all": true}}', options => '{{"queue": "{queue}"}}'"#);
    let id = begin(&session, &to("slow")).await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [4, 4, 0, 0]);
    assert_eq!(
        session
            .count("engine.queue_item where queue = 'slow'")
            .await?,
        3
    );
    assert_eq!(session.count("engine.run where queue = 'slow'").await?, 4);
    assert_eq!(session.status(&delayed.run_id).await?.0, "DELAYED");
    session.check().await?;

    let last = format!(
        r#"'set_priority', '{{"run_id": "{}"}}', options => '{{"priority": 60000}}'"#,
        ids[2]
    );
    let id = begin(&session, &last).await?;
    assert_eq!(counts(&ended(&session, &id).await?), [1, 1, 0, 0]);
    let held = session.dequeue_many(5).await?;
    assert_eq!(held.len(), 1, "the limit of its new queue holds");
    assert_eq!(held[0].run_id, ids[2], "it has come to the front");
    session.check().await?;

    let id = begin(&session, &to("full")).await?;
    let bulk = ended(&session, &id).await?;
    assert_eq!(
        counts(&bulk),
        [3, 2, 0, 1],
        "one queued run fits, and the delayed one is no part of it yet"
    );
    assert_eq!(bulk["refused_by"], json!({"RE008": 1}));
    let moved = "engine.history where transition = 'RESCHEDULED' and description = 'Moved from queue task/a to slow'";
    assert_eq!(session.count(moved).await?, 1);
    let told = "engine.event where name = 'runDelayRescheduled'";
    assert_eq!(session.count(told).await?, 0, "no due time was moved");
    session.check().await
}
