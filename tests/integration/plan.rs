//! The cost of a call depends on what it touches, not on what the tables hold, although its plan was made when they were
//! empty and nobody has analyzed them since.

use anyhow::Result;
use engine_harness::{Database, Session};

/// Rows of the hot tables that `call` reads. The counters may hold what the session did before.
async fn rows_read(session: &Session, call: &str) -> Result<i64> {
    let counters = "select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint \
                    from pg_stat_xact_user_tables where schemaname = 'engine'";
    session.client.batch_execute("begin").await?;
    let before: i64 = session.client.query_one(counters, &[]).await?.get(0);
    session.client.query(call, &[]).await?;
    let after: i64 = session.client.query_one(counters, &[]).await?.get(0);
    session.client.batch_execute("commit").await?;
    Ok(after - before)
}

#[tokio::test]
async fn a_call_reads_what_it_touches_and_no_more() -> Result<()> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    session
        .client
        .batch_execute("alter table engine.run_state set (autovacuum_enabled = off)")
        .await?;
    // All plans are made now.
    for _ in 0..2 {
        session.trigger("test").await?;
        let held = session.take().await?;
        session.lapse(&held.run_id).await?;
        session.tick().await?;
        session.make_due(&held.run_id).await?;
        let held = session.take().await?;
        session
            .client
            .query(
                "select * from engine_heartbeat($1, $2)",
                &[&held.run_id, &held.snapshot_id],
            )
            .await?;
        session
            .complete(&held, serde_json::json!({"ok": true}))
            .await?;
    }
    let fill = "select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 1000)))";
    for _ in 0..3 {
        session.client.query(fill, &[]).await?;
    }
    session.dequeue_many(1000).await?;

    let read = rows_read(&session, "select * from engine_dequeue(max_runs => 10)").await?;
    println!("dequeue(10) reads {read} rows");
    assert!(read <= 10 * 8, "dequeue(10) reads {read} rows");
    let held = session.dequeue_many(1).await?.remove(0);
    let (run, snapshot) = (&held.run_id, &held.snapshot_id);
    let read = rows_read(
        &session,
        &format!("select * from engine_heartbeat('{run}', '{snapshot}')"),
    )
    .await?;
    assert!(read <= 8, "a heartbeat reads {read} rows");
    let read = rows_read(
        &session,
        &format!("select * from engine_start_attempt('{run}', '{snapshot}')"),
    )
    .await?;
    assert!(read <= 12, "a start reads {read} rows");
    let sql = "select snapshot_id from engine.run_state where run_id = $1";
    let snapshot: String = session.client.query_one(sql, &[run]).await?.get(0);
    let read = rows_read(
        &session,
        &format!("select * from engine_succeed('{run}', '{snapshot}')"),
    )
    .await?;
    assert!(read <= 12, "a completion reads {read} rows");
    let keyed = "select * from engine_trigger('test', idempotency_key => 'k', ttl => '1h')";
    for what in ["a new key", "a key that is there"] {
        let read = rows_read(&session, keyed).await?;
        assert!(read <= 4, "a trigger with {what} reads {read} rows");
    }
    let debounced = "select * from engine_trigger('test', debounce => '{\"key\": \"k\", \"delay\": \"1h\", \
                     \"mode\": \"trailing\"}')";
    for what in ["a new debounce", "a debounce of a run that waits"] {
        let read = rows_read(&session, debounced).await?;
        assert!(read <= 10, "{what} reads {read} rows");
    }
    session
        .client
        .batch_execute(
            "update engine.queue_item set expires_at = now() where expires_at is not null",
        )
        .await?;
    let read = rows_read(&session, "select * from engine_tick()").await?;
    assert!(
        read <= 12,
        "a tick that expires one of thousands reads {read} rows"
    );
    session
        .client
        .batch_execute("update engine.timer set due_at = now(); update engine.run set delay_until = now() where delay_until is not null")
        .await?;
    let read = rows_read(&session, "select * from engine_tick()").await?;
    assert!(
        read <= 12,
        "a tick that ends the delay of one of thousands reads {read} rows"
    );
    let read = rows_read(&session, "select * from engine_tick()").await?;
    assert!(read <= 4, "a tick with nothing to do reads {read} rows");
    session
        .client
        .batch_execute("update engine.heartbeat set check_at = now(), deadline_at = now()")
        .await?;
    let read = rows_read(&session, "select * from engine_tick(10)").await?;
    assert!(
        read <= 10 * 9,
        "a tick that recovers ten of a thousand stalled runs reads {read} rows"
    );
    Ok(())
}

#[tokio::test]
async fn a_claim_where_versions_matter_reads_as_little() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for call in [
        "select engine_set_environment('default', requires_version => true)",
        "select engine_register_worker('default', '1', '[\"test\"]', image => 'i')",
        "select count(*) from engine_trigger_many( \
         (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 1000)))",
    ] {
        session.client.query(call, &[]).await?;
    }
    session.dequeue_many(10).await?;
    let read = rows_read(&session, "select * from engine_dequeue(max_runs => 10)").await?;
    println!("dequeue(10) by version reads {read} rows");
    assert!(read <= 10 * 8, "dequeue(10) reads {read} rows");
    Ok(())
}
