//! Which runs a bulk action is about, and which calls start one.

use anyhow::{Context, Result};
use engine_harness::Session;
use serde_json::{Value, json};

use super::{begin, bulk, counts, ended, open, seen, trigger_many};

/// Fails the next run for good.
async fn fail(session: &Session, message: &str) -> Result<String> {
    let held = session.take().await?;
    let error = json!({"type": "BUILT_IN_ERROR", "name": "TypeError", "message": message, "stackTrace": ""});
    session
        .complete(&held, json!({"ok": false, "error": error}))
        .await?;
    Ok(held.run_id)
}

#[tokio::test]
async fn a_dry_run_counts_and_shows_exactly_what_happens_then_and_changes_nothing() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 30).await?;
    trigger_many(&session, "other", 3).await?;
    let ended_run = session.ended("'mail', priority_ms => 9000000").await?;
    let before = session.contents().await?;
    let dry = bulk(&session, r#"'cancel', '{"task": "mail"}'"#).await?;
    assert_eq!(session.contents().await?, before);
    assert_eq!((&dry["bulk_id"], &dry["count"]), (&Value::Null, &json!(30)));
    assert_eq!(dry["is_exact"], json!(true));
    assert_eq!(dry["statuses"], json!({"PENDING": 30}));
    let samples = dry["samples"].as_array().context("no samples")?;
    assert_eq!(samples.len(), 10);
    assert!(
        samples
            .iter()
            .all(|run| run["task"] == "mail" && run["run_status"] == "PENDING")
    );

    let id = begin(
        &session,
        r#"'cancel', '{"task": "mail"}', reason => 'wrong list'"#,
    )
    .await?;
    let running = seen(&session, &id).await?;
    assert_eq!(
        (&running["state"], &running["total"]),
        (&json!("RUNNING"), &json!(30))
    );
    let bulk = ended(&session, &id).await?;
    assert_eq!(counts(&bulk), [30, 30, 0, 0]);
    assert_eq!(
        (&bulk["action"], &bulk["reason"]),
        (&json!("cancel"), &json!("wrong list"))
    );
    assert_eq!(bulk["filter"], json!({"task": "mail"}));
    assert!(bulk["finished_at"].is_string() && bulk["created_by"].is_string());
    let cancelled = format!(
        "engine.run_state where run_status = 'CANCELED' and error ->> 'raw' = 'wrong list' and bulk_action_ids = array['{id}']"
    );
    assert_eq!(session.count(&cancelled).await?, 30);
    for run in samples {
        let run_id = run["run_id"].as_str().context("no run")?;
        assert_eq!(session.status(run_id).await?.1, "CANCELED");
    }
    assert_eq!(
        session.status(&ended_run.run_id).await?.1,
        "COMPLETED_SUCCESSFULLY"
    );
    assert_eq!(session.count("engine.queue_item").await?, 3);
    session.check().await
}

#[tokio::test]
async fn a_filter_that_matches_a_tenth_more_than_expected_is_refused() -> Result<()> {
    let session = open().await?;
    trigger_many(&session, "mail", 22).await?;
    let call = |expected: i32| {
        format!(
            r#"select count from engine_bulk('cancel', '{{"task": "mail"}}', dry_run => false, expected_count => {expected})"#
        )
    };
    let refused = session.refused(&call(19)).await?;
    assert_eq!(refused.code, "RE019");
    assert!(refused.detail.contains("19 were expected"), "{refused:?}");
    assert_eq!(session.count("engine.bulk").await?, 0);
    for expected in [20, 1000] {
        let count: i64 = session.client.query_one(&call(expected), &[]).await?.get(0);
        assert_eq!(count, 22);
    }
    Ok(())
}

#[tokio::test]
async fn a_call_without_a_right_filter_or_option_starts_nothing() -> Result<()> {
    let session = open().await?;
    session.trigger("mail").await?;
    for (arguments, code) in [
        (r#"'cancel', '{}'"#, "22023"),
        (r#"'cancel', '{"tsak": "mail"}'"#, "22023"),
        (r#"'cancel', '{"task": 7}'"#, "22023"),
        (r#"'cancel', '{"status": "LATE"}'"#, "22023"),
        (r#"'cancel', '{"all": false}'"#, "22023"),
        (r#"'cancel', '{"all": true, "task": "mail"}'"#, "22023"),
        (r#"'cancel', null"#, "22004"),
        (r#"null, '{"task": "mail"}'"#, "22004"),
        (r#"'delete', '{"task": "mail"}'"#, "22023"),
        (r#"'move', '{"task": "mail"}'"#, "22023"),
        (
            r#"'cancel', '{"task": "mail"}', options => '{"queue": "q"}'"#,
            "22023",
        ),
        (
            r#"'cancel', '{"task": "mail"}', expected_count => -1"#,
            "22023",
        ),
    ] {
        let call = format!("select engine_bulk({arguments}, dry_run => false)");
        let refused = session.refused(&call).await?;
        assert_eq!(refused.code, code, "{arguments}");
        assert!(!refused.detail.is_empty() && !refused.hint.is_empty());
    }
    assert_eq!(session.count("engine.bulk").await?, 0);
    let all = bulk(&session, r#"'cancel', '{"all": true}'"#).await?;
    assert_eq!(all["count"], json!(1));
    Ok(())
}

#[tokio::test]
async fn every_condition_finds_its_runs_and_no_others() -> Result<()> {
    let session = open().await?;
    let session_of = "'a', tags => array['x', 'y'], concurrency_key => 'k', worker_queue => 'gpu', version => '7', queue => 'q', \
                      run_id => 'mine', metadata => '{\"step\": \"a=b\", \"progress\": 0.6, \"is_last\": true}'";
    session.trigger_with(session_of).await?;
    let parent = session.executing("parent").await?;
    session
        .trigger_with(&format!(
            "'child', parent_run_id => '{}', priority_ms => 9000000",
            parent.run_id
        ))
        .await?;
    let failed = fail(&session, "Timeout: acquirer did not answer").await?;
    let batch = session.create_batch("1").await?;
    session
        .add_to_batch(&batch, json!([{"task": "item"}]))
        .await?;
    let (past, future) = ("2001-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    for (filter, count) in [
        (json!({"run_id": ["run_mine", "none"]}), 1),
        (json!({"status": ["EXECUTING", "COMPLETED_WITH_ERRORS"]}), 2),
        (json!({"task": ["a", "item"]}), 2),
        (json!({"queue": "q"}), 1),
        (json!({"environment_id": "default"}), 4),
        (json!({"environment_id": "other"}), 0),
        (json!({"tag": ["y", "z"]}), 1),
        (json!({"metadata": ["none", "step"]}), 1),
        (json!({"metadata": "step=a=b"}), 1),
        (json!({"metadata": "step=a"}), 0),
        (json!({"metadata": "progress=0.6"}), 1),
        (json!({"metadata": ["is_last=false", "is_last=true"]}), 1),
        (json!({"metadata": "0.6"}), 0),
        (json!({"concurrency_key": "k"}), 1),
        (json!({"worker_queue": "gpu"}), 1),
        (json!({"version": "7"}), 1),
        (json!({"error_code": "TypeError"}), 1),
        (json!({"error": "ACQUIRER"}), 1),
        (json!({"error": "TypeError timeout:"}), 1),
        (json!({"error": "typeerr"}), 1),
        (json!({"error": "nothing"}), 0),
        (json!({"batch_id": batch}), 1),
        (json!({"parent_run_id": parent.run_id}), 1),
        (json!({"created_after": past, "created_before": future}), 4),
        (json!({"created_after": future}), 0),
        (json!({"finished_after": past}), 1),
        (json!({"finished_before": past}), 0),
        (
            json!({"task": "child", "finished_before": future, "error": "timeout", "run_id": failed}),
            1,
        ),
        (json!({"all": true}), 4),
    ] {
        let found = bulk(&session, &format!("'replay', '{filter}'")).await?;
        assert_eq!(found["count"], json!(count), "{filter}");
    }
    let id = begin(&session, r#"'cancel', '{"task": "item"}'"#).await?;
    ended(&session, &id).await?;
    let found = bulk(&session, &format!(r#"'replay', '{{"bulk_id": "{id}"}}'"#)).await?;
    assert_eq!(found["count"], json!(1));
    Ok(())
}
