//! What a session holds, cuts short or ends.

use std::time::Duration;

use anyhow::Result;
use engine_harness::Session;
use engine_harness::condition::backend_pid;

use super::{Hostile, code};

/// Calls of others go on, within a second each.
async fn others_go_on(hostile: &Hostile) -> Result<()> {
    let other = Session::open(&hostile.database).await?;
    let patience = "set statement_timeout = '5s'; set lock_timeout = '1s'";
    other.client.batch_execute(patience).await?;
    let held = other
        .trigger_with("'t', environment_id => 'theirs', worker_queue => 'others'")
        .await?;
    let life = "do $$ declare held record; begin \
                    select * into strict held from engine_dequeue('others', environment_id => 'theirs'); \
                    select * into strict held from engine_start_attempt(held.run_id, held.snapshot_id); \
                    perform engine_succeed(held.run_id, held.snapshot_id); \
                end $$";
    other.client.batch_execute(life).await?;
    other.tick().await?;
    let set = "select engine_set_queue('q', 'theirs', concurrency_limit => 3)";
    other.client.batch_execute(set).await?;
    let done = format!(
        "engine.run_state where run_id = '{}' and execution_status = 'FINISHED'",
        held.run_id
    );
    assert_eq!(other.count(&done).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_transaction_of_one_environment_that_stays_open_stops_no_other_one() -> Result<()> {
    let hostile = Hostile::new().await?;
    hostile
        .owner
        .client
        .batch_execute("select engine_set_quota('own', queued_runs => 100, runs_per_second => 100)")
        .await?;
    let session = hostile.session().await?;
    let hold = "begin; \
                select pg_advisory_xact_lock(key) from generate_series(-50, 50) as key; \
                select pg_advisory_xact_lock(17665, key) from generate_series(-50, 50) as key; \
                select pg_advisory_xact_lock(17669, key) from generate_series(-50, 50) as key; \
                select engine_set_environment('own', concurrency_limit => 5); \
                select engine_set_queue('q', 'own', concurrency_limit => 1, max_size => 5); \
                select engine_set_schedule('s', 't', '* * * * *', environment_id => 'own'); \
                select engine_register_worker('own', '1'); \
                select engine_trigger('t', environment_id => 'own', queue => 'q', idempotency_key => 'k'); \
                select engine_dequeue(environment_id => 'own'); \
                select engine_work(environment_id => 'own'); \
                select engine_create_batch(5, environment_id => 'own')";
    session.client.batch_execute(hold).await?;
    others_go_on(&hostile).await?;
    session.client.batch_execute("rollback").await?;
    hostile.end().await
}

#[tokio::test]
async fn a_call_that_a_timeout_cuts_short_has_changed_nothing_or_all() -> Result<()> {
    let hostile = Hostile::new().await?;
    let session = hostile.session().await?;
    let (mut cut, mut done) = (0, 0);
    for timeout in ["statement_timeout", "lock_timeout"] {
        for round in 0..60 {
            let set = format!("set {timeout} = '1ms'");
            session.client.batch_execute(&set).await?;
            for call in [
                "engine_trigger_many((select jsonb_agg(jsonb_build_object('task', 't', 'environment_id', 'own')) \
                 from generate_series(1, 20)))",
                "engine_dequeue(max_runs => 5, environment_id => 'own')",
                "engine_work(max_runs => 5, environment_id => 'own')",
            ] {
                match code(&session, &format!("select {call}")).await?.as_str() {
                    "" => done += 1,
                    "57014" | "55P03" => cut += 1,
                    other => panic!("{call} in round {round}: {other}"),
                }
            }
            // The timeout may cut short its own reset.
            let reset = format!("reset {timeout}");
            while code(&session, &reset).await? == "57014" {}
        }
    }
    println!("{cut} cut short, {done} done");
    assert!(cut > 0 && done > 0, "{cut} cut short, {done} done");
    let whole = "select bool_and(n % 20 = 0) from (select count(*) as n from engine.run where environment_id = 'own') as r";
    let row = hostile.owner.client.query_one(whole, &[]).await?;
    assert!(row.get::<_, bool>(0));
    hostile.end().await
}

#[tokio::test]
async fn a_client_that_stops_reading_stops_no_other_one() -> Result<()> {
    let hostile = Hostile::new().await?;
    let config = hostile.database.connection_string();
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await?;
    let driven = tokio::spawn(connection);
    let payload = "select engine_trigger('t', to_json(repeat('x', 1000000))::text, environment_id => 'own', worker_queue => 'own') \
                   from generate_series(1, 20)";
    client.batch_execute(payload).await?;
    let pid = backend_pid(&client).await?;
    client
        .batch_execute(&format!("set role {}", hostile.role))
        .await?;
    let flood = tokio::spawn(async move {
        client
            .batch_execute(
                "begin; select * from engine_work(null, 'own', max_runs => 20, environment_id => 'own'); \
                 select repeat('x', 100000000)",
            )
            .await
    });
    // It reads a part of the answer, and no more.
    tokio::time::sleep(Duration::from_millis(1)).await;
    driven.abort();
    let _ = driven.await;
    others_go_on(&hostile).await?;
    flood.abort();
    let end = format!("select pg_terminate_backend({pid}, 10000)");
    hostile.owner.client.batch_execute(&end).await?;
    hostile.end().await
}

#[tokio::test]
async fn a_role_ends_no_session_of_others_and_a_worker_that_is_ended_loses_no_run() -> Result<()> {
    let hostile = Hostile::new().await?;
    let session = hostile.session().await?;
    let worker = Session::open(&hostile.database).await?;
    let pid = backend_pid(&worker.client).await?;
    for function in ["pg_terminate_backend", "pg_cancel_backend"] {
        let end = format!("select {function}({pid})");
        assert_eq!(code(&session, &end).await?, "42501", "{function}");
    }
    let begin = "begin; select engine_dequeue('theirs')";
    worker.client.batch_execute(begin).await?;
    let end = format!("select pg_terminate_backend({pid}, 10000)");
    hostile.owner.client.batch_execute(&end).await?;
    others_go_on(&hostile).await?;
    hostile.end().await
}
