//! A trigger is part of its caller's transaction.

use anyhow::{Context, Result};
use engine_harness::{Database, Session};

#[tokio::test]
async fn a_trigger_commits_and_vanishes_with_its_callers_transaction_in_every_isolation_level()
-> Result<()> {
    let database = Database::fresh().await?;
    let (caller, worker) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    caller
        .client
        .batch_execute("create table invoice (n int)")
        .await?;
    for level in [
        "read uncommitted",
        "read committed",
        "repeatable read",
        "serializable",
    ] {
        caller
            .client
            .batch_execute(&format!(
                "begin isolation level {level}; insert into invoice values (1)"
            ))
            .await?;
        caller.trigger("send").await?;
        caller
            .client
            .query(
                "select * from engine_trigger_many('[{\"task\": \"send\"}]')",
                &[],
            )
            .await?;
        caller.client.batch_execute("rollback").await?;
        for table in ["run", "run_state", "snapshot", "queue_item"] {
            assert_eq!(caller.count(&format!("engine.{table}")).await?, 0);
        }

        caller
            .client
            .batch_execute(&format!(
                "begin isolation level {level}; insert into invoice values (1)"
            ))
            .await?;
        let run = caller.trigger("send").await?;
        assert_eq!(
            caller.count("engine.queue_item").await?,
            1,
            "its own transaction sees it"
        );
        assert_eq!(worker.dequeue().await?, None, "{level}: before the commit");
        caller.client.batch_execute("commit").await?;
        let held = worker.dequeue().await?.context("nothing is queued")?;
        assert_eq!(held.run_id, run.run_id, "{level}: after the commit");
        caller
            .client
            .batch_execute(
                "truncate engine.run, engine.run_state, engine.snapshot, engine.heartbeat",
            )
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_savepoint_takes_its_triggers_back() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.client.batch_execute("begin").await?;
    let kept = session.trigger("test").await?;
    session.client.batch_execute("savepoint s").await?;
    session.trigger("test").await?;
    session
        .client
        .batch_execute("rollback to s; commit")
        .await?;
    let rows = session.dequeue_many(10).await?;
    assert_eq!(
        rows.iter().map(|held| &held.run_id).collect::<Vec<_>>(),
        [&kept.run_id]
    );
    Ok(())
}

#[tokio::test]
async fn what_a_caller_says_is_what_a_worker_gets() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .trigger_with(
            "'mail', '{\"to\": \"ä\"}', payload_type => 'text/plain', queue => 'q', worker_queue => 'eu', \
             concurrency_key => 'k:*', max_attempts => 7, max_duration_seconds => 60, machine => 'large-1x', \
             tags => array['a', 'b\"{}\\'], metadata => '{\"x\": null, \"n\": 1.50}', is_test => true, \
             trace_context => '{\"traceparent\": \"00\"}', replayed_from => 'run_other'",
        )
        .await?;
    let sql = "select task, payload, payload_type, queue, worker_queue, concurrency_key, max_attempts, \
                      max_duration_seconds, machine ->> 'name', tags, metadata::text, is_test, trace_context::text, is_replay, \
                      environment_id, environment_type, project_id, worker_version, image, heartbeat_ms, run_friendly_id \
               from engine_dequeue('eu', worker_version => '1.0')";
    assert_eq!(
        session.dequeue().await?,
        None,
        "it is in another worker queue"
    );
    let row = session.client.query_one(sql, &[]).await?;
    let texts = ["mail", "{\"to\": \"ä\"}", "text/plain", "q", "eu", "k:*"];
    for (column, expected) in texts.iter().enumerate() {
        assert_eq!(row.get::<_, &str>(column), *expected);
    }
    assert_eq!(
        (
            row.get::<_, i32>(6),
            row.get::<_, i32>(7),
            row.get::<_, &str>(8)
        ),
        (7, 60, "large-1x")
    );
    assert_eq!(row.get::<_, Vec<String>>(9), ["a", "b\"{}\\"]);
    assert_eq!(row.get::<_, &str>(10), "{\"n\": 1.50, \"x\": null}");
    assert_eq!(
        (row.get::<_, bool>(11), row.get::<_, bool>(13)),
        (true, true)
    );
    assert_eq!(row.get::<_, &str>(12), "{\"traceparent\": \"00\"}");
    assert_eq!(
        (row.get::<_, &str>(14), row.get::<_, &str>(15)),
        ("default", "PRODUCTION")
    );
    assert_eq!(
        (
            row.get::<_, Option<&str>>(16),
            row.get::<_, Option<&str>>(18)
        ),
        (None, None)
    );
    assert_eq!(
        (row.get::<_, &str>(17), row.get::<_, i64>(19)),
        ("1.0", 60_000)
    );
    assert!(row.get::<_, &str>(20).starts_with("run_c"));
    Ok(())
}

#[tokio::test]
async fn many_runs_come_back_in_the_order_given() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let runs = "[{\"task\": \"a\", \"run_id\": \"z\"}, {\"task\": \"b\", \"run_id\": \"run_m\", \"payload\": {\"n\": 1}, \
                  \"tags\": [\"x\", \"y\"], \"priority_ms\": 5}, {\"task\": \"c\", \"run_id\": \"a\", \"payload\": \"text\", \"payload_type\": \"text/plain\"}]";
    let sql = format!(
        "select run_id, run_status, execution_status, is_cached from engine_trigger_many('{runs}')"
    );
    let rows = session.client.query(&sql, &[]).await?;
    assert_eq!(
        rows.iter()
            .map(|row| row.get::<_, &str>(0))
            .collect::<Vec<_>>(),
        ["z", "m", "a"]
    );
    for row in &rows {
        assert_eq!(
            (
                row.get::<_, &str>(1),
                row.get::<_, &str>(2),
                row.get::<_, bool>(3)
            ),
            ("PENDING", "QUEUED", false)
        );
    }
    let rows = session
        .client
        .query(
            "select task, payload, tags from engine.run order by task",
            &[],
        )
        .await?;
    assert_eq!(
        rows.iter()
            .map(|row| row.get::<_, &str>(1))
            .collect::<Vec<_>>(),
        ["{}", "{\"n\":1}", "text"]
    );
    assert_eq!(rows[1].get::<_, Vec<String>>(2), ["x", "y"]);
    assert!(
        session
            .client
            .query("select * from engine_trigger_many('[]')", &[])
            .await?
            .is_empty()
    );
    Ok(())
}

#[tokio::test]
async fn a_dequeue_that_waits_is_woken_by_a_trigger_and_gives_up_in_time() -> Result<()> {
    let database = Database::fresh().await?;
    let (worker, caller) = (
        Session::open(&database).await?,
        Session::open(&database).await?,
    );
    let pid = engine_harness::condition::backend_pid(&worker.client).await?;
    let waiting = tokio::spawn(async move {
        let sql = "select run_id from engine_dequeue(wait_ms => 30000)";
        Ok::<_, anyhow::Error>(worker.client.query_one(sql, &[]).await?.get::<_, String>(0))
    });
    let patience = std::time::Duration::from_secs(10);
    engine_harness::condition::eventually("the dequeue waits", patience, async || {
        let sql = format!("pg_stat_activity where pid = {pid} and wait_event_type = 'Extension'");
        Ok(caller.count(&sql).await? == 1)
    })
    .await?;
    let run = caller.trigger("test").await?;
    assert_eq!(waiting.await??, run.run_id);
    assert!(
        caller
            .client
            .query("select run_id from engine_dequeue(wait_ms => 20)", &[])
            .await?
            .is_empty()
    );
    Ok(())
}

/// An environment whose runs wait for a version of their worker.
const VERSIONED: &str = r#"
    select engine_set_environment('default', 'PRODUCTION', requires_version => true);
    select engine_register_worker('default', '0', '["t"]', image => 'i')"#;

/// What a session may have cached: what makes it read it, a change, and whether the change is seen, with one run queued and one ended.
const SETTINGS: [(&str, &str, &str); 4] = [
    (
        "select engine_trigger('t')",
        "select engine_set_environment('default', paused => true)",
        "select count(*) = 0 from engine_dequeue()",
    ),
    (
        "select engine_trigger('t')",
        "select engine_set_queue('task/t', paused => true)",
        "select count(*) = 0 from engine_dequeue()",
    ),
    (
        "select engine_trigger('t')",
        r#"select engine_register_worker('default', '1', '["t"]', image => 'i')"#,
        "select worker_version = '1' from engine_dequeue()",
    ),
    (
        "select engine_retention()",
        "select engine_set_retention(keep => '0')",
        "select engine_sweep() > 0",
    ),
];

#[tokio::test]
async fn what_a_stricter_transaction_reads_of_the_settings_does_not_outlive_it() -> Result<()> {
    for level in ["repeatable read", "serializable"] {
        for (read, change, look) in SETTINGS {
            let database = Database::fresh().await?;
            let (caller, other) = (
                Session::open(&database).await?,
                Session::open(&database).await?,
            );
            other.client.batch_execute(VERSIONED).await?;
            other.trigger("t").await?;
            other.end_next().await?;
            other.trigger("t").await?;
            let begin = format!("begin isolation level {level}; select count(*) from engine.run");
            caller.client.batch_execute(&begin).await?;
            other.client.batch_execute(change).await?;
            caller.client.batch_execute(read).await?;
            caller.client.batch_execute("commit").await?;
            let is_seen: bool = caller.client.query_one(look, &[]).await?.get(0);
            assert!(is_seen, "{level}: {change}");
        }
    }
    Ok(())
}
