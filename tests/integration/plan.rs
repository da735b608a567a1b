//! The cost of a call depends on the rows that it needs, not on the size of the tables, although its plan was made when
//! they were empty and they were never analyzed since.

mod list;
mod minute;

use anyhow::Result;
use engine_harness::{Database, Notices, Session};

/// Rows of the hot tables that `call` reads. The counters may include the session's earlier calls.
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
    // It reads new history once, to summarize it.
    session.tick().await?;

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
async fn a_dequeue_that_requires_versions_reads_as_little() -> Result<()> {
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

/// Takes a parent through every kind of wait; returns the rows that each call reads. Its child stays in the queue
/// `waits`.
async fn through_all_waits(session: &Session) -> Result<Vec<(&'static str, i64)>> {
    let mut read = Vec::new();
    let take = async || {
        session.trigger_with("'t', worker_queue => 'waits'").await?;
        let sql = "select s.run_id, s.snapshot_id from engine_dequeue('waits') as d, \
                   lateral engine_start_attempt(d.run_id, d.snapshot_id) as s";
        let row = session.client.query_one(sql, &[]).await?;
        Ok::<_, anyhow::Error>((row.get::<_, String>(0), row.get::<_, String>(1)))
    };
    let (parent, _) = take().await?;
    let token = session.token().await?;
    let call = format!("select * from engine_block('{parent}', '{{{token}}}')");
    read.push(("block", rows_read(session, &call).await?));
    let call = format!("select * from engine_complete_waitpoint('{token}')");
    read.push(("complete", rows_read(session, &call).await?));
    let token = session.token().await?;
    let blocked = session.block(&parent, &[&token]).await?;
    let call = format!(
        "select * from engine_create_checkpoint('{parent}', '{}', 'DOCKER', 'l')",
        blocked.held.snapshot_id
    );
    read.push(("checkpoint", rows_read(session, &call).await?));
    let call = format!("select * from engine_complete_waitpoint('{token}')");
    read.push(("complete, resumed", rows_read(session, &call).await?));
    let sql = "select snapshot_id from engine_dequeue('waits')";
    let snapshot: String = session.client.query_one(sql, &[]).await?.get(0);
    let call = format!("select * from engine_continue('{parent}', '{snapshot}')");
    read.push(("continue", rows_read(session, &call).await?));
    let call = format!(
        "select * from engine_trigger('c', worker_queue => 'waits', parent_run_id => '{parent}', resume_parent => true)"
    );
    read.push(("trigger and wait", rows_read(session, &call).await?));
    let sql = "select s.run_id, s.snapshot_id from engine_dequeue('waits') as d, \
               lateral engine_start_attempt(d.run_id, d.snapshot_id) as s";
    let row = session.client.query_one(sql, &[]).await?;
    let (child, snapshot): (String, String) = (row.get(0), row.get(1));
    let call = format!("select * from engine_succeed('{child}', '{snapshot}')");
    read.push(("complete a child", rows_read(session, &call).await?));
    let sql =
        "select batch_id from engine_create_batch(2, parent_run_id => $1, resume_parent => true)";
    let batch: String = session.client.query_one(sql, &[&parent]).await?.get(0);
    let call = format!(
        "select * from engine_add_to_batch('{batch}', '[{{\"task\": \"c\", \"worker_queue\": \"waits\"}}, {{\"task\": \"c\", \"worker_queue\": \"waits\"}}]')"
    );
    read.push(("add two", rows_read(session, &call).await?));
    for what in ["complete the first of two", "complete the last of two"] {
        let row = session.client.query_one(
            "select s.run_id, s.snapshot_id from engine_dequeue('waits') as d, \
             lateral engine_start_attempt(d.run_id, d.snapshot_id) as s",
            &[],
        );
        let row = row.await?;
        let (child, snapshot): (String, String) = (row.get(0), row.get(1));
        let call = format!("select * from engine_succeed('{child}', '{snapshot}')");
        read.push((what, rows_read(session, &call).await?));
    }
    assert_eq!(session.execution_status(&parent).await?, "EXECUTING");
    session.token().await?;
    let due = session.due_in(0).await?;
    session.block(&parent, &[&due]).await?;
    read.push((
        "tick, one waitpoint due",
        rows_read(session, "select * from engine_tick()").await?,
    ));
    assert_eq!(session.execution_status(&parent).await?, "EXECUTING");
    Ok(read)
}

#[tokio::test]
async fn a_wait_reads_what_it_touches_however_many_runs_wait() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    for table in ["run_state", "waitpoint", "edge"] {
        let off = format!("alter table engine.{table} set (autovacuum_enabled = off)");
        session.client.batch_execute(&off).await?;
    }
    // All plans are made now.
    through_all_waits(&session).await?;
    let few = through_all_waits(&session).await?;
    let fill = "select count(*) from engine_trigger_many((select jsonb_agg(jsonb_build_object('task', 't')) \
                from generate_series(1, 1000)))";
    for _ in 0..3 {
        session.client.query(fill, &[]).await?;
        let wait = "with taken as materialized (select run_id, snapshot_id from engine_dequeue(max_runs => 1000)), \
                    started as materialized (select s.run_id from taken as t, lateral engine_start_attempt(t.run_id, t.snapshot_id) as s) \
                    select count(b.run_id) from started as s, lateral engine_create_manual_waitpoint( \
                        timeout_at => clock_timestamp() + interval '1 hour', tags => array[s.run_id]) as w, \
                    lateral engine_block(s.run_id, array[w.waitpoint_id]) as b";
        let row = session.client.query_one(wait, &[]).await?;
        assert_eq!(row.get::<_, i64>(0), 1000);
    }
    // It reads new history once, to summarize it.
    session.tick().await?;
    let many = through_all_waits(&session).await?;
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        println!("{what:<28} {few:>4} {many:>4}");
        assert!(
            many <= few + 4,
            "{what} reads {few} rows, and {many} where 3000 runs wait"
        );
        assert!(many <= 100, "{what} reads {many} rows");
    }
    Ok(())
}

#[tokio::test]
async fn one_run_of_the_overview_is_found_by_its_key() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let fill = "select run_id from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 1000)))";
    session.client.query(fill, &[]).await?;
    session.client.batch_execute("analyze").await?;
    let run = session.trigger("test").await?.run_id;
    let one = format!("select * from engine.run_overview as o where o.run_id = '{run}'");
    let read = rows_read(&session, &one).await?;
    assert!(read <= 10, "one run of the overview reads {read} rows");
    let row = session.client.query_one(&one, &[]).await?;
    assert_eq!(row.get::<_, String>("run"), format!("run_{run}"));
    Ok(())
}

/// How many statements Postgres plans during `calls`: it says so of each.
async fn plans_made(session: &Session, notices: &mut Notices, calls: &str) -> Result<usize> {
    notices.take();
    session.client.batch_execute(calls).await?;
    let told = notices.take();
    Ok(told.iter().filter(|notice| *notice == "LOG: plan:").count())
}

#[tokio::test]
async fn a_change_of_settings_makes_no_session_plan_again() -> Result<()> {
    let database = Database::fresh().await?;
    let operator = Session::open(&database).await?;
    let (worker, mut notices) = Notices::open(&database).await?;
    let say = "set debug_print_plan = on; set client_min_messages = log";
    worker.client.batch_execute(say).await?;
    let turn = "select engine_trigger('t'); \
                select engine_succeed(s.run_id, s.snapshot_id) from engine_dequeue() as d, \
                lateral engine_start_attempt(d.run_id, d.snapshot_id) as s";
    let changes = |limit: i32| {
        [
            format!("select engine_set_queue('other', concurrency_limit => {limit})"),
            format!("select engine_set_environment('default', max_queue_size => {limit}00)"),
            format!("select engine_set_machine('micro', {limit}, 1, 1)"),
            "select engine_register_worker('default', '1')".to_owned(),
            format!("select engine_set_retention(keep => '{limit} days')"),
        ]
    };
    // Everything is planned once, where rows are still to be adapted and where they have been.
    for change in changes(1) {
        operator.client.batch_execute(&change).await?;
        plans_made(&worker, &mut notices, turn).await?;
        operator.tick().await?;
        plans_made(&worker, &mut notices, turn).await?;
    }
    let outer = plans_made(&worker, &mut notices, turn).await?;
    for change in changes(2) {
        operator.client.batch_execute(&change).await?;
        let made = plans_made(&worker, &mut notices, turn).await?;
        assert_eq!(made, outer, "after {change}");
    }
    Ok(())
}

#[tokio::test]
async fn setting_a_limit_reads_as_little_beside_thousands_of_runs() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let fill = "select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 1000)))";
    for _ in 0..3 {
        session.client.query(fill, &[]).await?;
    }
    session.dequeue_many(500).await?;
    for call in [
        "select engine_set_queue('task/test', concurrency_limit => 600)",
        "select engine_set_queue('task/test', override_limit => 1, max_size => 10)",
        "select engine_set_queue('task/test', paused => true)",
        "select engine_set_queue('task/test', paused => false, concurrency_limit => null)",
        "select engine_set_environment('default', concurrency_limit => 700, max_queue_size => 10000)",
        "select engine_set_environment('default', concurrency_limit => null)",
    ] {
        let read = rows_read(&session, call).await?;
        assert!(read <= 20, "{call} reads {read} rows");
    }
    session.tick().await?;
    session.check().await
}

#[tokio::test]
async fn a_look_at_a_thousand_running_attempts_reads_each_once_and_writes_nothing() -> Result<()> {
    let session = Session::open(&Database::fresh().await?).await?;
    let fill = "select count(*) from engine_trigger_many( \
                (select jsonb_agg(jsonb_build_object('task', 'test')) from generate_series(1, 1000)))";
    session.client.query(fill, &[]).await?;
    assert_eq!(session.dequeue_many(1000).await?.len(), 1000);
    let look =
        "select engine_moved(array_agg(run_id), array_agg(snapshot_id)) from engine.run_state";
    let states = rows_read(&session, "select count(snapshot_id) from engine.run_state").await?;
    let read = rows_read(&session, look).await?;
    assert!(read <= states + 1000, "a look reads {read} rows");
    let written = "select pg_current_xact_id_if_assigned() is null from (select engine_moved('{}', '{}')) as m(x) right join (values (1)) as o on true";
    let is_read_only: bool = session.client.query_one(written, &[]).await?.get(0);
    assert!(is_read_only);
    Ok(())
}
