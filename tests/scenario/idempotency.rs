//! Idempotency keys and one-time tokens: sizes, and keys of any text.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::json;

/// Triggers with a key; returns the run and whether it existed.
async fn trigger(session: &Session, key: &str, more: &str) -> Result<(String, bool)> {
    let sql = format!(
        "select run_id, is_cached from engine_trigger('test', idempotency_key => '{key}'{more})"
    );
    let row = session.client.query_one(&sql, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

/// Ends a queued run in a status.
async fn end(session: &Session, run_id: &str, status: &str) -> Result<()> {
    let sql = format!(
        "with item as (delete from engine.queue_item where run_id = $1), \
              snapshot as (update engine.snapshot set execution_status = 'FINISHED', run_status = '{status}' \
                           where run_id = $1), \
              failure as (insert into engine.failure (failed_at, triggered_at, run_status, shard, is_dead_lettered, run_id, environment_id, \
                                                      task, queue, fingerprint, message) \
                          select s.updated_at, r.created_at, '{status}', r.shard, false, r.id, r.environment_id, r.task, r.queue, '', '' \
                          from engine.run as r join engine.run_state as s on s.run_id = r.id \
                          where r.id = $1 and '{status}' not in ('COMPLETED_SUCCESSFULLY', 'CANCELED')) \
         update engine.run_state set execution_status = 'FINISHED', run_status = '{status}' where run_id = $1"
    );
    session.client.execute(&sql, &[&run_id]).await?;
    Ok(())
}

#[tokio::test]
async fn a_trigger_that_repeats_a_key_returns_the_run_that_has_it() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, is_cached) = trigger(&session, "k", "").await?;
    assert!(!is_cached);
    assert_eq!(trigger(&session, "k", "").await?, (run.clone(), true));
    assert_eq!(session.count("engine.run").await?, 1);
    assert!(!trigger(&session, "other", "").await?.1, "another key");
    let elsewhere = "select is_cached from engine_trigger('another', idempotency_key => 'k')";
    let row = session.client.query_one(elsewhere, &[]).await?;
    assert!(!row.get::<_, bool>(0), "another task");
    session
        .client
        .query("select engine_set_environment('env')", &[])
        .await?;
    let in_env = trigger(&session, "k", ", environment_id => 'env'").await?;
    assert!(!in_env.1, "another environment");
    let sql = "select s.execution #>> '{run,idempotencyKey}' from engine_dequeue() d \
               cross join engine_start_attempt(d.run_id, d.snapshot_id) s";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), "k");
    session.check().await
}

#[tokio::test]
async fn what_a_repeated_trigger_returns_is_what_the_run_is_now() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    trigger(&session, "k", "").await?;
    let held = session.take().await?;
    let sql = "select snapshot_id, run_status, execution_status, is_cached from engine_trigger('test', idempotency_key => 'k')";
    let row = session.client.query_one(sql, &[]).await?;
    assert_eq!(row.get::<_, &str>(0), held.snapshot_id);
    assert_eq!(
        (row.get(1), row.get(2), row.get(3)),
        ("EXECUTING", "EXECUTING", true)
    );
    Ok(())
}

#[tokio::test]
async fn the_key_of_a_run_that_failed_is_free_and_that_of_any_other_is_not() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for status in [
        "INTERRUPTED",
        "COMPLETED_WITH_ERRORS",
        "SYSTEM_FAILURE",
        "CRASHED",
        "TIMED_OUT",
        "EXPIRED",
    ] {
        let (run, _) = trigger(&session, status, "").await?;
        end(&session, &run, status).await?;
        let (next, is_cached) = trigger(&session, status, "").await?;
        assert!(next != run && !is_cached, "{status}");
        assert_eq!(
            trigger(&session, status, "").await?,
            (next, true),
            "{status}"
        );
    }
    for status in ["COMPLETED_SUCCESSFULLY", "CANCELED"] {
        let (run, _) = trigger(&session, status, "").await?;
        end(&session, &run, status).await?;
        assert_eq!(
            trigger(&session, status, "").await?,
            (run, true),
            "{status}"
        );
    }
    session.check().await
}

#[tokio::test]
async fn a_key_that_has_expired_is_free_and_forgotten_by_the_tick() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let expire = "update engine.trigger_key set expires_at = clock_timestamp() - interval '1 s' \
                  where run_id = $1";
    let (run, _) = trigger(&session, "k", "").await?;
    session.client.execute(expire, &[&run]).await?;
    let (next, is_cached) = trigger(&session, "k", "").await?;
    assert!(next != run && !is_cached);
    let days = "engine.trigger_key k join engine.run r on r.id = k.run_id \
                where k.expires_at = r.created_at + interval '30 days'";
    assert_eq!(session.count(days).await?, 1, "the default");
    assert_eq!(session.tick_of("forgotten_key").await?, 0);
    let (gone, _) = trigger(&session, "gone", "").await?;
    session.client.execute(expire, &[&gone]).await?;
    assert_eq!(session.tick_of("forgotten_key").await?, 1);
    assert_eq!(session.count("engine.trigger_key").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_key_that_has_expired_when_it_is_given_is_refused_wherever_one_comes_in() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let batch = session.create_batch("").await?;
    let past = "idempotency_key => 'k', idempotency_key_expires_at => clock_timestamp()";
    let run = r#"{"task": "t", "idempotency_key": "k", "idempotency_key_expires_at": "2000-01-01T00:00:00Z"}"#;
    for call in [
        format!("engine_trigger('t', {past})"),
        format!("engine_trigger_many('[{run}]')"),
        format!("engine_create_cancelled_run('{run}')"),
        format!("engine_create_datetime_waitpoint(now(), {past})"),
        format!("engine_create_manual_waitpoint({past})"),
        format!("engine_create_batch({past})"),
    ] {
        let refused = session.refused(&format!("select {call}")).await?;
        assert_eq!(refused.code, "22023", "{call}: {refused:?}");
        assert!(refused.message.contains("idempotency_key_expires_at"));
    }
    let sql = format!("select error_code from engine_add_to_batch('{batch}', '[{run}]')");
    let row = session.client.query_one(&sql, &[]).await?;
    assert_eq!(row.get::<_, Option<&str>>(0), Some("22023"));
    Ok(())
}

#[tokio::test]
async fn a_key_that_was_reset_is_free() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (run, _) = trigger(&session, "k", "").await?;
    for expected in [true, false] {
        let reset = "select engine_reset_idempotency_key('test', 'k')";
        let row = session.client.query_one(reset, &[]).await?;
        assert_eq!(row.get::<_, bool>(0), expected);
    }
    let (next, is_cached) = trigger(&session, "k", "").await?;
    assert!(next != run && !is_cached);
    Ok(())
}

#[tokio::test]
async fn repeated_keys_within_one_call_make_one_run() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let (before, _) = trigger(&session, "old", "").await?;
    let runs = json!([
        {"task": "test", "idempotency_key": "new"},
        {"task": "test"},
        {"task": "test", "idempotency_key": "new"},
        {"task": "test", "idempotency_key": "old"},
        {"task": "other", "idempotency_key": "new"},
    ]);
    let sql = format!("select run_id, is_cached from engine_trigger_many('{runs}')");
    let rows = session.client.query(&sql, &[]).await?;
    let ids: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
    let cached: Vec<bool> = rows.iter().map(|row| row.get(1)).collect();
    assert_eq!(cached, [false, false, true, true, false]);
    assert_eq!((ids[0], ids[3]), (ids[2], before.as_str()));
    assert_eq!(session.count("engine.run").await?, 4);
    session.check().await
}

#[tokio::test]
async fn a_call_that_is_repeated_with_its_run_id_is_not_refused() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for expected in [false, true] {
        let answer = trigger(&session, "k", ", run_id => 'run_mine'").await?;
        assert_eq!(answer, ("mine".to_owned(), expected));
    }
    Ok(())
}

#[tokio::test]
async fn a_key_is_released_when_its_transaction_rolls_back() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.client.batch_execute("begin").await?;
    let (gone, _) = trigger(&session, "k", "").await?;
    session.client.batch_execute("rollback").await?;
    let (run, is_cached) = trigger(&session, "k", "").await?;
    assert!(run != gone && !is_cached);
    Ok(())
}

#[tokio::test]
async fn a_token_is_good_for_one_run() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let with_token = "'test', one_time_use_token => 'secret'";
    session.trigger_with(with_token).await?;
    let refused = session
        .refused(&format!("select engine_trigger({with_token})"))
        .await?;
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("RE009", "one-time token was already used")
    );
    assert!(!format!("{refused:?}").contains("secret"));
    let many = "select engine_trigger_many('[{\"task\": \"a\"}, {\"task\": \"a\", \"one_time_use_token\": \"t\"}, \
                {\"task\": \"b\", \"one_time_use_token\": \"t\"}]')";
    let refused = session.refused(many).await?;
    assert_eq!(refused.code, "RE009");
    assert!(refused.detail.starts_with("Element 2: "), "{refused:?}");
    assert_eq!(session.count("engine.run").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_trigger_that_finds_its_run_uses_no_token() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let token = ", one_time_use_token => 't'";
    assert!(!trigger(&session, "k", token).await?.1);
    assert!(trigger(&session, "k", token).await?.1);
    Ok(())
}

/// Spec: KP-1.
#[tokio::test]
async fn keys_of_any_text_are_kept_apart() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let keys = [
        "a:b", "a", "*", "a:ck:b", "ä", "A", " a", "a ", "x''y", "{}",
    ];
    for key in keys {
        assert!(!trigger(&session, key, "").await?.1, "{key}");
        let sql = format!("'test', queue => 'q:ck:1', concurrency_key => '{key}'");
        let run = session.trigger_with(&sql).await?;
        let sql = "select concurrency_key, queue from engine.run where id = $1";
        let row = session.client.query_one(sql, &[&run.run_id]).await?;
        assert_eq!(row.get::<_, &str>(0), key.replace("''", "'"));
        assert_eq!(row.get::<_, &str>(1), "q:ck:1");
    }
    for key in keys {
        assert!(trigger(&session, key, "").await?.1, "{key}");
    }
    let long = "ä".repeat(2048);
    assert!(!trigger(&session, &long, "").await?.1);
    assert!(trigger(&session, &long, "").await?.1);
    Ok(())
}

#[tokio::test]
async fn metadata_over_the_limit_is_refused_and_one_at_the_limit_is_not() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let of = |bytes: usize| {
        format!(
            "'test', metadata => jsonb_build_object('a', repeat('x', {}))",
            bytes - 8
        )
    };
    session.trigger_with(&of(256 * 1024)).await?;
    let refused = session
        .refused(&format!("select engine_trigger({})", of(256 * 1024 + 1)))
        .await?;
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("54000", "metadata is too large")
    );
    assert!(
        refused.hint.contains("engine.max_metadata_bytes"),
        "{refused:?}"
    );
    Ok(())
}
