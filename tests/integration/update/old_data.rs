//! Data of the old release that no later one would take: an update mends it.

use anyhow::Result;
use engine_harness::{Database, Session};
use serde_json::{Value, json};

use super::{UPDATE, outdated};

/// A concurrency key that 0.1.0 took, and that no index of slots can hold: 2,720 bytes that cannot be compressed.
const LONG_KEY: &str = "(select string_agg(chr(65536 + (get_byte(sha256(n::text::bytea), 0) * 256 \
     + get_byte(sha256(n::text::bytea), 1)) % 60000), '') from generate_series(1, 680) as n)";

#[tokio::test]
async fn an_update_mends_concurrency_keys_that_stopped_every_dequeue() -> Result<()> {
    let made = Session::open(&Database::fresh().await?).await?;
    let limit = "select engine_set_queue('q', concurrency_limit => 1)";
    made.client.batch_execute(limit).await?;
    for _ in 0..2 {
        made.trigger_with("'long', queue => 'q', concurrency_key => 'long'")
            .await?;
    }
    made.trigger("other").await?;
    made.tick().await?;
    let session = outdated().await?;
    made.copy_rows(&session).await?;
    let seed = format!(
        "update engine.run set concurrency_key = {LONG_KEY} where task = 'long'; \
         update engine.queue_item set concurrency_key = {LONG_KEY} where queue = 'q'"
    );
    session.client.batch_execute(&seed).await?;
    session.client.batch_execute(UPDATE).await?;
    session.check().await?;

    let first = session.dequeue_many(10).await?;
    assert_eq!(first.len(), 2, "the two runs still share the limit");
    for held in &first {
        session.start(held).await?;
    }
    let sql = "select engine_succeed(run_id, snapshot_id) from engine.run_state where execution_status = 'EXECUTING'";
    session.client.query(sql, &[]).await?;
    assert_eq!(session.dequeue_many(10).await?.len(), 1);
    session.check().await
}

#[tokio::test]
async fn an_update_has_runs_expire_that_wait_for_a_version() -> Result<()> {
    let made = Session::open(&Database::fresh().await?).await?;
    let versions = "select engine_set_environment('e', requires_version => true)";
    made.client.batch_execute(versions).await?;
    let run = made
        .trigger_with("'t', environment_id => 'e', ttl => '1h30m'")
        .await?;
    let forever = made.trigger_with("'t', environment_id => 'e'").await?;
    assert_eq!(made.dequeue_many(2).await?, []);
    made.tick().await?;
    let session = outdated().await?;
    made.client
        .batch_execute("update engine.parked set expires_at = null")
        .await?;
    made.copy_rows(&session).await?;
    session.client.batch_execute(UPDATE).await?;
    let lapse = "update engine.parked set expires_at = expires_at - interval '89 minutes'";
    session.client.batch_execute(lapse).await?;
    assert_eq!(session.tick_of("expired_run").await?, 0);
    session.client.batch_execute(lapse).await?;
    assert_eq!(session.tick_of("expired_run").await?, 1);
    assert_eq!(session.status(&run.run_id).await?.1, "EXPIRED");
    assert_eq!(session.status(&forever.run_id).await?.1, "PENDING_VERSION");
    session.check().await
}

#[tokio::test]
async fn an_update_mends_moments_that_the_old_release_let_become_infinite() -> Result<()> {
    let made = Session::open(&Database::fresh().await?).await?;
    let failed = made.executing("failed").await?;
    let error = json!({"type": "STRING_ERROR", "raw": "x"});
    let retry = json!({"ok": false, "error": error, "retry": {"delay": 60_000}});
    made.complete(&failed, retry).await?;
    let ended = made.trigger("ended").await?;
    made.client
        .batch_execute(&format!(
            "select engine_set_queue('first', concurrency_limit => 1); \
             select engine_trigger('first', queue => 'first', ttl => '1h', idempotency_key => 'k'); \
             select engine_trigger('later', delay_until => now() + interval '1 day'); \
             select engine_create_datetime_waitpoint(now() + interval '1 day', idempotency_key => 'k', \
                 idempotency_key_expires_at => now() + interval '1 day'); \
             select engine_create_batch(1, idempotency_key => 'k', idempotency_key_expires_at => now() + interval '1 day'); \
             select engine_cancel('{}', completed_at => now())",
            ended.run_id
        ))
        .await?;
    // The old release has no limits that rows must be adapted to.
    made.tick().await?;
    let session = outdated().await?;
    made.copy_rows(&session).await?;
    let seed = "update engine.run set queue_timestamp = '-infinity' where task = 'first';
        update engine.run set queue_timestamp = 'infinity', delay_until = 'infinity' where task = 'later';
        update engine.run_state set completed_at = 'infinity' where run_status = 'CANCELED';
        update engine.queue_item set available_at = '-infinity', is_ahead = true, expires_at = 'infinity' where queue = 'first';
        update engine.queue_item set available_at = '200000-01-01' where queue <> 'first';
        update engine.waitpoint set completed_after = 'infinity', idempotency_key_expires_at = 'infinity';
        update engine.timer set due_at = 'infinity';
        update engine.batch set idempotency_key_expires_at = 'infinity';
        update engine.trigger_key set expires_at = 'infinity';
        update engine.snapshot set detail = detail || '{\"retryAt\": \"infinity\"}' where detail ? 'retryAt'";
    session.client.batch_execute(seed).await?;
    let infinite = "engine.snapshot where detail ->> 'retryAt' = 'infinity'";
    assert_eq!(session.count(infinite).await?, 1);
    session.client.batch_execute(UPDATE).await?;

    let columns = "select a.attrelid::regclass::text, quote_ident(a.attname) from pg_attribute a \
                   join pg_class c on c.oid = a.attrelid and c.relkind = 'r' \
                   where c.relnamespace = 'engine'::regnamespace and a.atttypid = 'timestamptz'::regtype";
    let columns = session.client.query(columns, &[]).await?;
    assert!(columns.len() > 30, "{} columns", columns.len());
    for row in columns {
        let (table, column): (&str, &str) = (row.get(0), row.get(1));
        let outside = format!(
            "{table} where extract(year from {column}) not between 1 and 9999 or not isfinite({column})"
        );
        assert_eq!(session.count(&outside).await?, 0, "{table}.{column}");
    }
    for view in [
        "queue_stats",
        "environment_stats",
        "key_stats",
        "advice",
        "overdue",
    ] {
        let read = format!("select to_jsonb(v) from engine.{view} v");
        session.client.query(&read, &[]).await?;
    }
    let infinite = "engine_events(0, 1000) where body::text like '%infinity%'";
    assert_eq!(session.count(infinite).await?, 0);
    let taken = session.take().await?;
    session.complete(&taken, json!({"ok": true})).await?;
    session.check().await
}

#[tokio::test]
async fn the_history_of_an_old_run_continues_with_greater_ids() -> Result<()> {
    let made = Session::open(&Database::fresh().await?).await?;
    let mut held = made.executing("t").await?;
    let session = outdated().await?;
    made.copy_rows(&session).await?;
    // The old release gave each snapshot a time, a counter and chance of its own.
    let seed = "update engine.snapshot set previous_snapshot_id = null;
        update engine.snapshot set id = left(id, 9) || right(id, 4) || '0000zzzzzzzz';
        update engine.run_state set snapshot_id = left(snapshot_id, 9) || right(snapshot_id, 4) || '0000zzzzzzzz';
        update engine.heartbeat set snapshot_id = left(snapshot_id, 9) || right(snapshot_id, 4) || '0000zzzzzzzz'";
    session.client.batch_execute(seed).await?;
    let latest = "select snapshot_id from engine.run_state";
    held.snapshot_id = session.client.query_one(latest, &[]).await?.get(0);
    let ids = "select id from engine.history order by ordinal";
    session.client.batch_execute(UPDATE).await?;
    let old: Vec<String> = names(&session, ids).await?;
    assert_eq!(old.last(), Some(&held.snapshot_id));

    session.complete(&held, json!({"ok": true})).await?;
    let all: Vec<String> = names(&session, ids).await?;
    assert_eq!(all.len(), old.len() + 1);
    assert_eq!(all[..old.len()], old);
    assert!(all.is_sorted(), "{all:?}");
    session.check().await
}

async fn names(session: &Session, sql: &str) -> Result<Vec<String>> {
    let rows = session.client.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn an_update_lists_the_runs_that_had_failed() -> Result<()> {
    let made = Session::open(&Database::fresh().await?).await?;
    for raw in ["no answer from 10.0.0.7", "", "\n 'x' is no user"] {
        made.trigger("t").await?;
        let held = made.take().await?;
        let error = json!({"type": "STRING_ERROR", "raw": raw});
        made.complete(&held, json!({"ok": false, "error": error}))
            .await?;
    }
    made.ended("'t'").await?;
    let session = outdated().await?;
    made.copy_rows(&session).await?;
    session.client.batch_execute(UPDATE).await?;
    let list =
        "select coalesce(jsonb_agg(to_jsonb(f) order by f.run_id), '[]') from engine.failure as f";
    let (old, new): (Value, Value) = (
        made.client.query_one(list, &[]).await?.get(0),
        session.client.query_one(list, &[]).await?.get(0),
    );
    assert_eq!(new.as_array().map(Vec::len), Some(3));
    assert_eq!(new, old);
    session.check().await
}

#[tokio::test]
async fn a_pause_of_the_old_release_stays_in_force_and_nobody_is_made_up_for_it() -> Result<()> {
    let session = outdated().await?;
    let seed = "insert into engine.queue (environment_id, name, is_paused, created_at) values ('default', 'q', true, now())";
    session.client.batch_execute(seed).await?;
    session.client.batch_execute(UPDATE).await?;
    session.trigger_with("'t', queue => 'q'").await?;
    assert_eq!(session.dequeue().await?, None);
    let unknown =
        "engine.queue_stats where is_paused and num_nulls(paused_at, paused_by, pause_reason) = 3";
    assert_eq!(session.count(unknown).await?, 1);
    let advice = "engine.advice where kind = 'paused' and detail like '%has due runs: 1.'";
    assert_eq!(session.count(advice).await?, 1);
    let reason = "engine_set_queue('q', paused => true, reason => 'INC-7') where paused_at is null and paused_by = current_user";
    assert_eq!(session.count(reason).await?, 1);
    session
        .client
        .batch_execute("select engine_set_queue('q', paused => false)")
        .await?;
    assert!(session.dequeue().await?.is_some());
    session.check().await
}
