//! The background worker of a preloaded library.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine_harness::condition::{eventually, waits_for_lock};
use engine_harness::{Cluster, Options, Session};
use tokio_postgres::Client;

const DATABASE: &str = "app";
const ROLE: &str = "ticker";
const PATIENCE: Duration = Duration::from_secs(60);

fn preloaded(role: &str) -> Options {
    Options::quick()
        .set("shared_preload_libraries", "engine")
        .set("engine.database", DATABASE)
        .set("engine.role", role)
        .set("engine.tick_interval_ms", "50")
}

/// A server whose worker finds its database and its role.
async fn start() -> Result<Cluster> {
    let cluster = Cluster::start(preloaded(ROLE)).await?;
    let client = cluster.connect().await?;
    let create =
        format!("create role {ROLE} login; create database {DATABASE} template engine_template");
    for statement in create.split("; ") {
        client.batch_execute(statement).await?;
    }
    let grant = format!("select engine_grant('{ROLE}', 'tick')");
    app(&cluster).await?.client.batch_execute(&grant).await?;
    Ok(cluster)
}

async fn app(cluster: &Cluster) -> Result<Session> {
    Ok(Session {
        client: cluster.server().connect(DATABASE).await?,
    })
}

/// The worker's process, once it is there.
async fn worker(observer: &Client) -> Result<i32> {
    let sql =
        "select pid from pg_stat_activity where backend_type = 'engine tick' and datname = $1";
    eventually("the worker is connected", PATIENCE, async || {
        Ok(observer.query_opt(sql, &[&DATABASE]).await?.is_some())
    })
    .await?;
    Ok(observer.query_one(sql, &[&DATABASE]).await?.get(0))
}

/// Makes a run due, and waits until the tick has queued it.
async fn is_ticked(session: &Session) -> Result<()> {
    let delayed = "'test', delay_until => clock_timestamp() + interval '100 ms'";
    let run = session.trigger_with(delayed).await?;
    eventually("the delay has ended", PATIENCE, async || {
        Ok(session.status(&run.run_id).await?.0 == "QUEUED")
    })
    .await
}

async fn log_says(cluster: &Cluster, text: &str) -> Result<()> {
    eventually(&format!("the log says \"{text}\""), PATIENCE, async || {
        Ok(fs::read_to_string(cluster.log())?.contains(text))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_ticks_as_a_role_that_may_do_nothing_else_and_recovers_from_errors() -> Result<()>
{
    let cluster = start().await?;
    let session = app(&cluster).await?;
    is_ticked(&session).await?;
    let pid = worker(&session.client).await?;
    let sql = "select usename::text, application_name, r.rolsuper from pg_stat_activity a join pg_roles r on r.rolname = a.usename \
               where pid = $1";
    let row = session.client.query_one(sql, &[&pid]).await?;
    assert_eq!((row.get(0), row.get(1)), (ROLE, "engine tick"));
    assert!(!row.get::<_, bool>(2));

    session
        .client
        .batch_execute("alter table engine.timer rename to away")
        .await?;
    log_says(
        &cluster,
        "the engine's tick failed: relation \"engine.timer\" does not exist",
    )
    .await?;
    session
        .client
        .batch_execute("alter table engine.away rename to timer")
        .await?;
    is_ticked(&session).await?;
    session
        .client
        .batch_execute(&format!(
            "revoke execute on function engine_tick from {ROLE}"
        ))
        .await?;
    log_says(
        &cluster,
        "the engine's tick failed: permission denied for function engine_tick",
    )
    .await?;
    session
        .client
        .batch_execute(&format!("select engine_grant('{ROLE}', 'tick')"))
        .await?;
    is_ticked(&session).await?;
    assert_eq!(worker(&session.client).await?, pid, "it has not even ended");

    // It finds the functions in any schema.
    for statement in [
        "drop extension engine",
        "create schema \"Else Where\"",
        "create extension engine schema \"Else Where\"",
        "select \"Else Where\".engine_grant('ticker', 'tick')",
        "set search_path = \"Else Where\"",
    ] {
        session.client.batch_execute(statement).await?;
    }
    is_ticked(&session).await?;
    session.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_stops_within_a_second_whatever_it_does_and_restarts() -> Result<()> {
    let cluster = start().await?;
    let (session, observer) = (app(&cluster).await?, app(&cluster).await?);
    let pid = worker(&observer.client).await?;
    // In the middle of a tick that waits for a lock.
    session
        .client
        .batch_execute("begin; lock table engine.timer")
        .await?;
    waits_for_lock(&observer.client, pid).await?;
    let asked = Instant::now();
    observer
        .client
        .query("select pg_terminate_backend($1)", &[&pid])
        .await?;
    eventually("the worker has ended", PATIENCE, async || {
        Ok(observer
            .count(&format!("pg_stat_activity where pid = {pid}"))
            .await?
            == 0)
    })
    .await?;
    ensure!(
        asked.elapsed() < Duration::from_secs(1),
        "it took {:?}",
        asked.elapsed()
    );
    session.client.batch_execute("commit").await?;
    assert_ne!(worker(&observer.client).await?, pid);
    is_ticked(&session).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_finds_nothing_waits_for_it() -> Result<()> {
    let cluster = Cluster::start(preloaded(ROLE)).await?;
    log_says(&cluster, &format!("role \"{ROLE}\" does not exist")).await?;
    let client = cluster.connect().await?;
    client
        .batch_execute(&format!("create role {ROLE} login"))
        .await?;
    log_says(&cluster, &format!("database \"{DATABASE}\" does not exist")).await?;
    client
        .batch_execute(&format!("create database {DATABASE}"))
        .await?;
    let session = app(&cluster).await?;
    let pid = worker(&session.client).await?;
    session
        .client
        .batch_execute("create extension engine")
        .await?;
    let grant = format!("select engine_grant('{ROLE}', 'tick')");
    session.client.batch_execute(&grant).await?;
    is_ticked(&session).await?;
    assert_eq!(worker(&session.client).await?, pid);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_does_not_work_as_a_superuser_nor_without_a_role() -> Result<()> {
    let cluster = Cluster::start(preloaded("root")).await?;
    let client = cluster.connect().await?;
    client
        .batch_execute("create role root login superuser")
        .await?;
    client
        .batch_execute(&format!("create database {DATABASE}"))
        .await?;
    log_says(
        &cluster,
        "the engine's background worker does not work as a superuser",
    )
    .await?;
    let none = Cluster::start(preloaded("")).await?;
    log_says(&none, "the engine's background worker has no role").await?;
    let client = none.connect().await?;
    let workers = "select count(*) from pg_stat_activity where backend_type = 'engine tick'";
    assert_eq!(client.query_one(workers, &[]).await?.get::<_, i64>(0), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_standby_the_worker_waits_for_the_promotion() -> Result<()> {
    let mut cluster = start().await?;
    let session = app(&cluster).await?;
    let run = session
        .trigger_with("'test', delay_until => clock_timestamp() + interval '3 s'")
        .await?;
    drop(session);
    cluster.stop()?;
    // It reads only its own log, and waits for more: a standby without a primary.
    fs::write(cluster.data().join("standby.signal"), "")?;
    cluster.restart()?;
    let session = app(&cluster).await?;
    let standby = session
        .client
        .query_one("select pg_is_in_recovery()", &[])
        .await?;
    assert!(standby.get::<_, bool>(0));
    let due = "select delay_until < clock_timestamp() from engine.run";
    eventually("the run is due", PATIENCE, async || {
        Ok(session.client.query_one(due, &[]).await?.get(0))
    })
    .await?;
    let workers = "pg_stat_activity where backend_type = 'engine tick'";
    assert_eq!(session.count(workers).await?, 0);
    let sql = "select execution_status::text from engine.run_state";
    assert_eq!(
        session.client.query_one(sql, &[]).await?.get::<_, &str>(0),
        "DELAYED"
    );

    let promoted = session.client.query_one("select pg_promote()", &[]).await?;
    assert!(promoted.get::<_, bool>(0));
    eventually("the delay has ended", PATIENCE, async || {
        Ok(session.status(&run.run_id).await?.0 == "QUEUED")
    })
    .await
    .context("after the promotion")
}
