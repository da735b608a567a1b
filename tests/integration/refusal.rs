//! Errors: each has its own SQLSTATE, one line, a detail, a hint; and nothing was changed.

use anyhow::Result;
use engine_harness::{Database, Session};

/// Expects `sql` to be refused with `code`, a message that contains `message`, a detail, a hint, and no change.
async fn refuses(session: &Session, sql: &str, code: &str, message: &str) -> Result<()> {
    let before = session.contents().await?;
    let refused = session.refused(sql).await?;
    assert_eq!(refused.code, code, "{sql}: {refused:?}");
    assert!(refused.message.contains(message), "{sql}: {refused:?}");
    assert!(
        !refused.message.contains('\n') && !refused.message.ends_with('.'),
        "{refused:?}"
    );
    assert!(
        refused
            .message
            .starts_with(|first: char| first.is_lowercase() || first == '"'),
        "{refused:?}"
    );
    assert!(
        refused.detail.ends_with('.') && refused.hint.ends_with(['.', '}']),
        "{refused:?}"
    );
    assert!(!refused.detail.contains('\n'), "{refused:?}");
    assert_eq!(session.contents().await?, before, "{sql} changed something");
    Ok(())
}

#[tokio::test]
async fn a_wrong_call_is_explained_and_changes_nothing() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("waiting").await?;
    session
        .trigger_with("'queued', queue_timestamp => now() + interval '1 hour', run_id => 'q'")
        .await?;
    let held = session.take().await?;
    let (run, snapshot) = (held.run_id, held.snapshot_id);
    let queued: String = session
        .client
        .query_one(
            "select snapshot_id from engine.run_state where run_id = 'q'",
            &[],
        )
        .await?
        .get(0);
    let finished = {
        session.trigger("finished").await?;
        let held = session.take().await?;
        session
            .complete(&held, serde_json::json!({"ok": true}))
            .await?;
        held.run_id
    };
    let last: String = session
        .client
        .query_one(
            "select snapshot_id from engine.run_state where run_id = $1",
            &[&finished],
        )
        .await?
        .get(0);

    let token = session.token().await?;
    let one = async |sql: &str| {
        let row = session.client.query_one(sql, &[]).await?;
        Ok::<_, anyhow::Error>(row.get::<_, String>(0))
    };
    let batch = one("select batch_id from engine_create_batch(1)").await?;
    let sealed = one("select batch_id from engine_create_batch()").await?;
    one(&format!(
        "select batch_id from engine_seal_batch('{sealed}')"
    ))
    .await?;

    let far = "select engine_set_environment('far', shard => 1)";
    session.client.batch_execute(far).await?;

    for (sql, code, message) in [
        // a parent on another shard
        ("select engine_trigger('t', environment_id => 'far', parent_run_id => 'q')".to_owned(), "22023", "\"environment_id\""),
        // a shard
        ("select engine_set_environment('x', shard => -1)".to_owned(), "22023", "\"shard\""),
        ("select engine_set_environment('x', shard => 1296)".to_owned(), "22023", "\"shard\""),
        ("select engine_set_environment('x', shard => 64)".to_owned(), "RE020", "shard 64 is not here"),
        ("select engine_set_environment('far', shard => 2)".to_owned(), "22023", "\"shard\""),
        ("select engine_set_environment('default', shard => 2)".to_owned(), "22023", "\"shard\""),
        // unknown run
        ("select engine_start_attempt('run_nope', 'x')".to_owned(), "RE001", "run \"nope\" does not exist"),
        ("select engine_heartbeat('nope', 'x')".to_owned(), "RE001", "does not exist"),
        ("select engine_succeed('nope', 'x')".to_owned(), "RE001", "does not exist"),
        // stale snapshot
        (format!("select engine_start_attempt('{run}', 'x')"), "RE002", "not the latest"),
        (format!("select engine_complete_attempt('{run}', 'x', '{{\"ok\": true}}')"), "RE002", "not the latest"),
        // status
        (format!("select engine_succeed('{finished}', '{last}')"), "RE003", "is finished"),
        (format!("select engine_start_attempt('{finished}', '{last}')"), "RE003", "is finished"),
        (format!("select engine_start_attempt('q', '{queued}')"), "RE004", "cannot be started"),
        (format!("select engine_succeed('q', '{queued}')"), "RE004", "cannot be completed"),
        // environment
        ("select engine_trigger('t', environment_id => 'nope')".to_owned(), "RE005", "environment \"nope\""),
        ("select engine_dequeue(environment_id => 'nope')".to_owned(), "RE005", "environment \"nope\""),
        // completion
        (format!("select engine_complete_attempt('{run}', '{snapshot}', '[]')"), "22032", "malformed completion"),
        (format!("select engine_complete_attempt('{run}', '{snapshot}', '{{}}')"), "22032", "malformed completion"),
        (format!("select engine_complete_attempt('{run}', '{snapshot}', '{{\"ok\": false}}')"), "22032", "malformed"),
        // values
        ("select engine_dequeue(max_runs => 0)".to_owned(), "22023", "\"max_runs\""),
        ("select engine_dequeue(max_runs => 1001)".to_owned(), "22023", "\"max_runs\""),
        ("select engine_dequeue(wait_ms => -1)".to_owned(), "22023", "\"wait_ms\""),
        ("select engine_tick(0)".to_owned(), "22023", "\"max_items\""),
        ("select engine_trigger('')".to_owned(), "22023", "\"task\""),
        ("select engine_trigger('t', max_attempts => 0)".to_owned(), "22023", "\"max_attempts\""),
        ("select engine_trigger('t', machine => 'huge')".to_owned(), "22023", "\"machine\""),
        ("select engine_trigger('t', queue_timestamp => 'infinity')".to_owned(), "22023", "\"queue_timestamp\""),
        ("select engine_trigger('t', run_id => 'a b')".to_owned(), "22023", "\"run_id\""),
        ("select engine_trigger_many('5')".to_owned(), "22023", "\"runs\""),
        ("select engine_trigger_many('[{\"task\": \"t\"}, {\"taks\": \"t\"}]')".to_owned(), "22023", "\"runs\""),
        ("select engine_heartbeat_many('{a,b}', '{x}')".to_owned(), "22023", "\"snapshot_ids\""),
        ("select engine_start_many('{a,b}', '{x}')".to_owned(), "22023", "\"snapshot_ids\""),
        // nulls
        ("select engine_trigger(null)".to_owned(), "22004", "\"task\""),
        ("select engine_trigger('t', tags => array['a', null])".to_owned(), "22004", "\"tags\""),
        ("select engine_trigger_many(null)".to_owned(), "22004", "\"runs\""),
        ("select engine_start_attempt(null, 'x')".to_owned(), "22004", "\"run_id\""),
        (format!("select engine_start_attempt('{run}', null)"), "22004", "\"snapshot_id\""),
        (format!("select engine_complete_attempt('{run}', '{snapshot}', null)"), "22004", "\"completion\""),
        ("select engine_heartbeat_many('{a,null}', '{x,y}')".to_owned(), "22004", "\"run_id\""),
        ("select engine_start_many(null, '{x}')".to_owned(), "22004", "\"run_ids\""),
        ("select engine_run_result(null)".to_owned(), "22004", "\"run_id\""),
        ("select engine_execution_data(null)".to_owned(), "22004", "\"run_id\""),
        // identity
        ("select engine_trigger('t', run_id => 'run_q')".to_owned(), "23505", "run \"q\" already exists"),
        (
            "select engine_trigger_many('[{\"task\": \"t\", \"run_id\": \"z\"}, {\"task\": \"t\", \"run_id\": \"z\"}]')"
                .to_owned(),
            "23505",
            "run \"z\" already exists",
        ),
        ("select engine_trigger('t', retry => '{\"factor\": \"x\"}')".to_owned(), "22023", "\"retry\""),
        ("select engine_trigger('t', parent_run_id => 'nope')".to_owned(), "RE001", "run \"nope\" does not exist"),
        (format!("select engine_redrive('{run}')"), "RE004", "cannot be redriven"),
        (format!("select engine_cancel('{run}', attempt_duration_ms => -1)"), "22023", "\"attempt_duration_ms\""),
        ("select engine_cancel('nope')".to_owned(), "RE001", "run \"nope\" does not exist"),
        ("select engine_replay('nope')".to_owned(), "RE001", "run \"nope\" does not exist"),
        ("select engine_events(max_events => 0)".to_owned(), "22023", "\"max_events\""),
        ("select engine_set_machine('huge', 1, 1, 1)".to_owned(), "22023", "\"name\""),
        ("select engine_set_machine('micro', -1, 1, 1)".to_owned(), "22023", "\"cpu\""),
        ("select engine_complete_many('5')".to_owned(), "22023", "\"completions\""),
        ("select engine_trigger('t', delay_until => 'infinity')".to_owned(), "22023", "\"delay_until\""),
        ("select engine_trigger('t', ttl => 'soon')".to_owned(), "22023", "\"ttl\""),
        ("select engine_trigger('t', idempotency_key => '')".to_owned(), "22023", "\"idempotency_key\""),
        ("select engine_trigger('t', idempotency_key => repeat('k', 2049))".to_owned(), "22023", "\"idempotency_key\""),
        ("select engine_trigger('t', one_time_use_token => '')".to_owned(), "22023", "\"one_time_use_token\""),
        ("select engine_trigger('t', version => '')".to_owned(), "22023", "\"version\""),
        ("select engine_trigger('t', debounce => '{\"key\": \"k\"}')".to_owned(), "22023", "\"debounce\""),
        (
            "select engine_trigger('t', debounce => '{\"key\": \"k\", \"delay\": \"300ms\"}')".to_owned(),
            "22023",
            "\"debounce\"",
        ),
        (format!("select engine_reschedule('{run}', now())"), "RE004", "cannot be rescheduled"),
        ("select engine_reschedule('nope', now())".to_owned(), "RE001", "run \"nope\" does not exist"),
        ("select engine_reschedule('q', null)".to_owned(), "22004", "\"delay_until\""),
        ("select engine_reschedule('q', 'infinity')".to_owned(), "22023", "\"delay_until\""),
        ("select engine_reset_idempotency_key('t', null)".to_owned(), "22004", "\"idempotency_key\""),
        ("select engine_register_worker('default', null)".to_owned(), "22004", "\"version\""),
        ("select engine_register_worker('default', '')".to_owned(), "22023", "\"version\""),
        ("select engine_register_worker('default', '1', '5')".to_owned(), "22023", "\"tasks\""),
        ("select engine_register_worker('default', '1', queues => '[{}]')".to_owned(), "22023", "\"queues\""),
        ("select engine_register_worker('nope', '1')".to_owned(), "RE005", "environment \"nope\""),
        ("select engine_promote_worker('default', '1')".to_owned(), "RE013", "version \"1\" does not exist"),
        ("select engine_set_schedule(null)".to_owned(), "22004", "\"id\""),
        ("select engine_set_schedule('s', 't')".to_owned(), "22004", "\"cron\""),
        ("select engine_set_schedule('s', 't', 'soon')".to_owned(), "22023", "\"cron\""),
        ("select engine_set_schedule('s', 't', '0 0 30 2 *')".to_owned(), "22023", "\"cron\""),
        ("select engine_set_schedule('s', 't', '* * * * *', 'Mars')".to_owned(), "22023", "\"timezone\""),
        ("select engine_set_schedule('s', 't', '* * * * *', spread_window => '1d')".to_owned(), "22023", "\"spread_window\""),
        (
            "select engine_set_schedule('s', 't', '* * * * *', options => '{\"run_id\": \"a\"}')".to_owned(),
            "22023",
            "\"options\"",
        ),
        ("select engine_set_schedule('s', 't', '* * * * *', environment_id => 'nope')".to_owned(), "RE005", "\"nope\""),
        ("select engine_delete_schedule(null)".to_owned(), "22004", "\"id\""),
        ("select engine_run_schedule(null)".to_owned(), "22004", "\"id\""),
        ("select engine_run_schedule('nope')".to_owned(), "RE014", "schedule \"nope\" does not exist"),
        ("select engine_upcoming_runs('nope')".to_owned(), "RE014", "schedule \"nope\" does not exist"),
        ("select engine_create_failed_run('{\"task\": \"t\"}', '5')".to_owned(), "22032", "malformed completion"),
        // waits
        ("select engine_complete_waitpoint('nope')".to_owned(), "RE010", "waitpoint \"nope\" does not exist"),
        (format!("select engine_complete_waitpoint('{token}', environment_id => 'e')"), "RE010", "does not exist"),
        (format!("select engine_block('{run}', '{{nope}}')"), "RE010", "waitpoint \"nope\" does not exist"),
        (format!("select engine_block('nope', '{{{token}}}')"), "RE001", "run \"nope\" does not exist"),
        (format!("select engine_block('q', '{{{token}}}')"), "RE004", "cannot be blocked"),
        (format!("select engine_block('{finished}', '{{{token}}}')"), "RE003", "is finished"),
        (format!("select engine_block('{run}', '{{}}')"), "22023", "\"waitpoint_ids\""),
        (format!("select engine_block('{run}', null)"), "22004", "\"waitpoint_ids\""),
        (format!("select engine_block('{run}', array['{token}', null])"), "22004", "\"waitpoint_ids\""),
        (format!("select engine_block('{run}', '{{{token}}}', batch_indexes => '{{0,1}}')"), "22023", "\"batch_indexes\""),
        (format!("select engine_block('{run}', '{{{token}}}', batch_indexes => '{{-1}}')"), "22023", "\"batch_indexes\""),
        (format!("select engine_block('{run}', '{{{token}}}', timeout_at => 'infinity')"), "22023", "\"timeout_at\""),
        ("select engine_create_datetime_waitpoint(null)".to_owned(), "22004", "\"completed_after\""),
        ("select engine_create_datetime_waitpoint('infinity')".to_owned(), "22023", "\"completed_after\""),
        ("select engine_create_manual_waitpoint(idempotency_key => '')".to_owned(), "22023", "\"idempotency_key\""),
        ("select engine_create_manual_waitpoint(environment_id => 'nope')".to_owned(), "RE005", "environment \"nope\""),
        ("select engine_run_waitpoint('nope')".to_owned(), "RE001", "run \"nope\" does not exist"),
        ("select engine_unblock('nope')".to_owned(), "RE001", "run \"nope\" does not exist"),
        ("select engine_waitpoint_data(null)".to_owned(), "22004", "\"waitpoint_id\""),
        // checkpoints
        (format!("select engine_create_checkpoint('{run}', 'x', 'docker', 'l')"), "22023", "\"type\""),
        (format!("select engine_create_checkpoint('{run}', 'x', 'DOCKER', null)"), "22004", "\"location\""),
        ("select engine_create_checkpoint('nope', 'x', 'DOCKER', 'l')".to_owned(), "RE001", "does not exist"),
        (format!("select engine_continue('{run}', 'x')"), "RE002", "not the latest"),
        (format!("select engine_continue('{run}', '{snapshot}')"), "RE004", "cannot be continued"),
        (format!("select engine_continue('{finished}', '{last}')"), "RE003", "is finished"),
        // batches
        ("select engine_create_batch(0)".to_owned(), "22023", "\"run_count\""),
        ("select engine_create_batch(1001)".to_owned(), "22023", "\"run_count\""),
        ("select engine_create_batch(1, parent_run_id => 'nope')".to_owned(), "RE001", "run \"nope\" does not exist"),
        ("select engine_create_batch(1, parent_run_id => 'q', resume_parent => true)".to_owned(), "RE004", "cannot be blocked"),
        ("select engine_add_to_batch('nope', '[]')".to_owned(), "RE011", "batch \"nope\" does not exist"),
        (format!("select engine_add_to_batch('{batch}', '5')"), "22023", "\"runs\""),
        (format!("select engine_add_to_batch('{batch}', '[{{\"taks\": \"t\"}}]')"), "22023", "\"runs\""),
        (format!("select engine_add_to_batch('{batch}', '[{{\"task\": \"t\", \"index\": 1}}]')"), "22023", "\"index\""),
        (
            format!("select engine_add_to_batch('{batch}', '[{{\"task\": \"t\", \"environment_id\": \"e\"}}]')"),
            "22023",
            "\"environment_id\"",
        ),
        (format!("select engine_add_to_batch('{sealed}', '[{{\"task\": \"t\"}}]')"), "22023", "\"index\""),
        (format!("select engine_trigger('t', batch_id => '{sealed}')"), "RE012", "takes no items"),
        ("select engine_trigger('t', batch_id => 'nope')".to_owned(), "RE011", "batch \"nope\" does not exist"),
        ("select engine_seal_batch('nope')".to_owned(), "RE011", "batch \"nope\" does not exist"),
        ("select engine_trigger('t', parent_run_id => 'q', resume_parent => true)".to_owned(), "RE004", "cannot be blocked"),
        (
            format!("select engine_trigger('t', parent_run_id => '{finished}', resume_parent => true)"),
            "RE003",
            "is finished",
        ),
    ] {
        refuses(&session, &sql, code, message).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_payload_over_the_limit_is_refused_and_one_at_the_limit_is_not() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("engine.max_payload_bytes", "10").await?;
    let session = Session::open(&database).await?;
    session.trigger_with("'t', '1234567890'").await?;
    refuses(
        &session,
        "select engine_trigger('t', '12345678901')",
        "54000",
        "payload is too large",
    )
    .await?;
    let many = "select engine_trigger_many('[{\"task\": \"t\"}, {\"task\": \"t\", \"payload\": [1,2,3,4,5]}]')";
    refuses(&session, many, "54000", "payload is too large").await?;
    assert!(
        session
            .refused(many)
            .await?
            .detail
            .starts_with("Element 1: ")
    );
    Ok(())
}

#[tokio::test]
async fn a_call_that_locks_needs_read_committed() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.trigger("test").await?;
    for level in ["repeatable read", "serializable"] {
        for call in [
            "engine_dequeue()",
            "engine_start_attempt('a', 'b')",
            "engine_succeed('a', 'b')",
            "engine_fail('a', 'b')",
            "engine_complete_attempt('a', 'b', '{\"ok\": true}')",
            "engine_heartbeat('a', 'b')",
            "engine_heartbeat_many('{a}', '{b}')",
            "engine_start_many('{a}', '{b}')",
            "engine_tick()",
            "engine_complete_waitpoint('a')",
            "engine_run_waitpoint('a')",
            "engine_block('a', '{b}')",
            "engine_unblock('a')",
            "engine_create_checkpoint('a', 'b', 'DOCKER', 'c')",
            "engine_continue('a', 'b')",
            "engine_release('a', 'b')",
            "engine_create_batch(1)",
            "engine_add_to_batch('a', '[]')",
            "engine_seal_batch('a')",
            "engine_trigger('t', batch_id => 'b')",
            "engine_reschedule('a', now())",
            "engine_set_schedule('s', 't', '* * * * *')",
            "engine_register_worker('default', '1')",
            "engine_promote_worker('default', '1')",
        ] {
            session
                .client
                .batch_execute(&format!("begin isolation level {level}"))
                .await?;
            let refused = session.refused(&format!("select {call}")).await?;
            session.client.batch_execute("rollback").await?;
            assert_eq!(refused.code, "RE006", "{call}");
            assert!(refused.detail.to_lowercase().contains(level), "{refused:?}");
            assert!(!refused.hint.is_empty());
        }
    }
    assert_eq!(session.count("engine.queue_item").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_library_over_another_catalog_refuses_with_advice() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.broken_on_purpose().await?;
    session
        .client
        .batch_execute("update pg_extension set extversion = '0.0.1' where extname = 'engine'")
        .await?;
    let refused = session.refused("select engine_trigger('t')").await?;
    assert_eq!(refused.code, "RE007");
    assert!(
        refused.detail.contains("0.0.1") && refused.hint.contains("ALTER EXTENSION engine UPDATE"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_misspelt_setting_is_refused() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session.tick().await?;
    // PostgreSQL 14 lets no extension reserve the names that begin as its own.
    let reserves = "select current_setting('server_version_num')::int >= 150000";
    if session.client.query_one(reserves, &[]).await?.get(0) {
        let refused = session.refused("set engine.max_bach = 5").await?;
        assert_eq!(refused.code, "42602");
    }
    assert_eq!(
        session
            .refused("set engine.default_machine = 'huge'")
            .await?
            .code,
        "22023"
    );
    Ok(())
}

#[tokio::test]
async fn our_codes_reach_plpgsql() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    session
        .client
        .batch_execute(
            "do $$ begin perform engine_start_attempt('nope', 'x'); raise 'not refused'; \
             exception when sqlstate 'RE001' then null; end $$",
        )
        .await?;
    assert_eq!(
        session.refused("select 1 / 0").await?.code,
        "22012",
        "and leave no trace in later errors"
    );
    Ok(())
}
