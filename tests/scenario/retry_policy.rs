//! Retries without a request of the worker: the policy of the run decides whether there is one, and when.

use anyhow::Result;
use engine_harness::{Database, Held, Session};
use serde_json::{Value, json};

use crate::reported::{failure, internal_error, user_error};

/// Delays without jitter: a minute.
const POLICY: &str = r#"{"minTimeoutInMs": 60000, "maxTimeoutInMs": 60000, "randomize": false}"#;

fn with(retry: Value) -> Value {
    json!({"ok": false, "error": user_error(), "retry": retry})
}

/// Milliseconds until the next attempt.
async fn delay_ms(session: &Session, held: &Held) -> Result<i64> {
    let sql = "select (extract(epoch from i.available_at - s.updated_at) * 1000)::bigint \
               from engine.queue_item as i join engine.run_state as s using (shard, run_id) where run_id = $1";
    let row = session.client.query_one(sql, &[&held.run_id]).await?;
    Ok(row.get(0))
}

async fn fail(session: &Session, held: &Held, more: &str) -> Result<String> {
    let (run, snapshot) = (&held.run_id, &held.snapshot_id);
    let sql = format!("select attempt_status from engine_fail('{run}', '{snapshot}', 'no'{more})");
    Ok(session.client.query_one(&sql, &[]).await?.get(0))
}

#[tokio::test]
async fn a_failure_that_says_nothing_of_retries_is_retried_by_the_policy_of_its_run() -> Result<()>
{
    let session = Session::open(&Database::fresh().await?).await?;
    for (options, shortest, longest) in [
        (format!("retry => '{POLICY}'"), 60_000, 60_000),
        (
            format!("retry => '{POLICY}', max_attempts => 2"),
            60_000,
            60_000,
        ),
        ("max_attempts => 2".to_owned(), 1000, 2000),
        ("max_attempts => 9".to_owned(), 1000, 2000),
    ] {
        for completion in [failure(user_error()), with(json!({}))] {
            session.trigger_with(&format!("'test', {options}")).await?;
            let held = session.take().await?;
            let failed = session.complete(&held, completion).await?;
            assert_eq!(failed.attempt_status, "RETRY_QUEUED", "{options}");
            assert_eq!(failed.execution_status, "QUEUED");
            let delay_ms = delay_ms(&session, &held).await?;
            assert!(
                (shortest..=longest).contains(&delay_ms),
                "{options}: {delay_ms}"
            );
        }
        session.trigger_with(&format!("'test', {options}")).await?;
        let held = session.take().await?;
        assert_eq!(fail(&session, &held, "").await?, "RETRY_QUEUED");
        session.trigger_with(&format!("'test', {options}")).await?;
        let held = session.take().await?;
        assert_eq!(fail(&session, &held, ", NULL").await?, "RETRY_QUEUED");
    }
    session.check().await
}

#[tokio::test]
async fn a_policy_gives_the_run_all_its_attempts_and_no_more() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let run = session
        .trigger_with(&format!("'test', retry => '{POLICY}', max_attempts => 5"))
        .await?;
    for attempt in 1..=5 {
        session.make_due(&run.run_id).await?;
        let held = session.take().await?;
        let failed = session.complete(&held, failure(user_error())).await?;
        let expected = if attempt < 5 {
            "RETRY_QUEUED"
        } else {
            "RUN_FINISHED"
        };
        assert_eq!(failed.attempt_status, expected, "{attempt}");
        assert_eq!(failed.attempt_number, Some(attempt));
    }
    Ok(())
}

#[tokio::test]
async fn a_worker_that_says_no_ends_the_run_whatever_its_policy() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for no in [json!(null), json!(false)] {
        session
            .trigger_with(&format!("'test', retry => '{POLICY}'"))
            .await?;
        let held = session.take().await?;
        let failed = session.complete(&held, with(no.clone())).await?;
        assert_eq!(failed.attempt_status, "RUN_FINISHED");
        assert_eq!(failed.run_status, "COMPLETED_WITH_ERRORS");
        session
            .trigger_with(&format!("'test', retry => '{POLICY}'"))
            .await?;
        let held = session.take().await?;
        let said = format!(", '{no}'::jsonb");
        assert_eq!(fail(&session, &held, &said).await?, "RUN_FINISHED");
    }
    session
        .trigger_with(&format!("'test', retry => '{POLICY}'"))
        .await?;
    let held = session.take().await?;
    let hopeless = failure(internal_error("DISK_SPACE_EXCEEDED"));
    let failed = session.complete(&held, hopeless).await?;
    assert_eq!(failed.attempt_status, "RUN_FINISHED");
    Ok(())
}

#[tokio::test]
async fn a_retry_that_a_worker_names_wins_over_the_policy() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .trigger_with(&format!("'test', retry => '{POLICY}'"))
        .await?;
    let held = session.take().await?;
    let failed = session
        .complete(&held, with(json!({"delay": 1000})))
        .await?;
    assert_eq!(failed.attempt_status, "RETRY_IMMEDIATELY");
    session
        .trigger_with(&format!("'test', retry => '{POLICY}'"))
        .await?;
    let held = session.take().await?;
    let later = r#", '{"delay": 40000}'"#;
    assert_eq!(fail(&session, &held, later).await?, "RETRY_QUEUED");
    assert_eq!(delay_ms(&session, &held).await?, 40_000);
    Ok(())
}

#[tokio::test]
async fn a_run_without_any_policy_ends_with_its_first_failure() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for options in ["'test'", "'test', max_attempts => 1"] {
        session.trigger_with(options).await?;
        let held = session.take().await?;
        let failed = session.complete(&held, failure(user_error())).await?;
        assert_eq!(failed.attempt_status, "RUN_FINISHED", "{options}");
    }
    // Attempts resolved by a dequeue are not attempts that a caller requested.
    let run = session.trigger("test").await?;
    let held = session.take().await?;
    session.lapse(&held.run_id).await?;
    session.tick().await?;
    session.make_due(&run.run_id).await?;
    let held = session.take().await?;
    let failed = session.complete(&held, failure(user_error())).await?;
    assert_eq!(failed.attempt_status, "RUN_FINISHED");
    Ok(())
}

#[tokio::test]
async fn the_first_of_trigger_and_task_that_has_a_policy_counts_whole() -> Result<()> {
    let session = crate::version::open().await?;
    let tasks = json!([{"id": "test", "retry": {
        "maxAttempts": 7, "minTimeoutInMs": 50_000, "maxTimeoutInMs": 50_000, "randomize": false}}]);
    crate::version::register(&session, "1", tasks).await?;
    let environment = r#"select engine_set_environment('default', retry => '{"maxAttempts": 9, "minTimeoutInMs": 40000, "randomize": false}')"#;
    session.client.query(environment, &[]).await?;
    for (options, max_attempts, expected_ms) in [
        (String::new(), 7, 50_000),
        (", max_attempts => 2".to_owned(), 2, 50_000),
        (format!(", retry => '{POLICY}'"), 3, 60_000),
    ] {
        crate::version::trigger(&session, "test", &options).await?;
        let sql = "select run_id, snapshot_id, max_attempts from engine_dequeue()";
        let row = session.client.query_one(sql, &[]).await?;
        assert_eq!(row.get::<_, i32>(2), max_attempts, "{options}");
        let dequeued = Held {
            run_id: row.get(0),
            snapshot_id: row.get(1),
        };
        let held = session.start(&dequeued).await?;
        assert_eq!(fail(&session, &held, "").await?, "RETRY_QUEUED");
        assert_eq!(delay_ms(&session, &held).await?, expected_ms, "{options}");
    }
    Ok(())
}

#[tokio::test]
async fn the_policy_of_the_environment_counts_for_runs_that_have_none() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let set = |retry: &str| {
        format!("select retry from engine_set_environment('default', retry => {retry})")
    };
    let policy = json!({"maxAttempts": 4, "minTimeoutInMs": 40_000, "randomize": false});
    let given = format!("'{policy}'");
    // NULL keeps it, a JSON null removes it.
    for (retry, expected) in [
        (given.as_str(), Some(&policy)),
        ("null", Some(&policy)),
        ("'null'", None),
        ("'false'", None),
        (given.as_str(), Some(&policy)),
    ] {
        let row = session.client.query_one(&set(retry), &[]).await?;
        assert_eq!(row.get::<_, Option<Value>>(0).as_ref(), expected, "{retry}");
    }
    for (options, expected_ms) in [
        ("'test'".to_owned(), 40_000),
        ("'test', max_attempts => 2".to_owned(), 40_000),
        (format!("'test', retry => '{POLICY}'"), 60_000),
    ] {
        session.trigger_with(&options).await?;
        let held = session.take().await?;
        assert_eq!(
            fail(&session, &held, "").await?,
            "RETRY_QUEUED",
            "{options}"
        );
        assert_eq!(delay_ms(&session, &held).await?, expected_ms, "{options}");
    }
    for bad in ["'5'", r#"'{"factor": "x"}'"#] {
        assert_eq!(session.refused(&set(bad)).await?.code, "22023", "{bad}");
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_without_an_attempt_is_refused_wherever_one_comes_in() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let batch = session.create_batch("").await?;
    for attempts in ["0", "-1", "1.5"] {
        let policy = format!(r#"{{"maxAttempts": {attempts}}}"#);
        let run = format!(r#"{{"task": "t", "retry": {policy}}}"#);
        let calls = [
            format!("select engine_trigger('t', retry => '{policy}')"),
            format!("select engine_trigger_many('[{run}]')"),
            format!("select engine_create_cancelled_run('{run}')"),
            format!(
                "select engine_create_failed_run('{run}', '{}')",
                user_error()
            ),
            format!("select engine_set_environment('e', retry => '{policy}')"),
            format!(
                r#"select engine_register_worker('default', '1', '[{{"id": "t", "retry": {policy}}}]')"#
            ),
            format!(
                r#"select engine_set_schedule('s', 't', '0 0 * * *', options => '{{"retry": {policy}}}')"#
            ),
        ];
        for call in calls {
            let refused = session.refused(&call).await?;
            assert_eq!(refused.code, "22023", "{call}: {refused:?}");
            assert!(
                refused.detail.contains("maxAttempts"),
                "{call}: {refused:?}"
            );
        }
        let sql = format!("select error_code from engine_add_to_batch('{batch}', '[{run}]')");
        let row = session.client.query_one(&sql, &[]).await?;
        assert_eq!(row.get::<_, Option<&str>>(0), Some("22023"));
    }
    Ok(())
}
