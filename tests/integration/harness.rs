//! What every other test relies on.

use std::time::{Duration, Instant};

use anyhow::Result;
use engine_harness::condition::{backend_pid, eventually, waits_for_lock};
use engine_harness::{Cluster, Database, Options, Session, Sweep};

#[tokio::test]
async fn a_fresh_database_has_the_extension_and_nothing_of_another() -> Result<()> {
    let (one, other) = (Database::fresh().await?, Database::fresh().await?);
    let client = one.connect().await?;
    client.batch_execute("create table mine ()").await?;
    let version: String = client
        .query_one("select engine_version()", &[])
        .await?
        .get(0);
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let found = other
        .connect()
        .await?
        .query_one("select to_regclass('mine') is null", &[])
        .await?;
    assert!(found.get::<_, bool>(0));
    Ok(())
}

#[tokio::test]
async fn a_setting_of_a_database_holds_in_its_new_sessions() -> Result<()> {
    let database = Database::fresh().await?;
    database.set("myapp.example", "it's 5").await?;
    let client = database.connect().await?;
    let value: String = client.query_one("show myapp.example", &[]).await?.get(0);
    assert_eq!(value, "it's 5");
    Ok(())
}

#[tokio::test]
async fn a_server_of_a_tests_own_runs_with_full_durability() -> Result<()> {
    let cluster = Cluster::start(Options::default()).await?;
    let client = cluster.connect().await?;
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String = client
            .query_one(&format!("show {setting}"), &[])
            .await?
            .get(0);
        assert_eq!(value, "on", "{setting}");
    }
    Ok(())
}

#[tokio::test]
async fn every_commit_survives_a_kill_of_the_server() -> Result<()> {
    let mut cluster = Cluster::start(Options::default()).await?;
    let database = cluster.database().await?;
    let client = database.connect().await?;
    client
        .batch_execute("create table kept (n int); create table lost (n int)")
        .await?;
    for n in 0..20_i32 {
        client
            .execute("insert into kept values ($1)", &[&n])
            .await?;
    }
    client
        .batch_execute("begin; insert into lost values (1)")
        .await?;

    cluster.kill_9()?;
    assert!(
        client.query("select 1", &[]).await.is_err(),
        "the session outlived its server"
    );
    assert!(
        database.connect().await.is_err(),
        "the killed server takes connections"
    );

    cluster.restart()?;
    let sql = "select (select count(*) from kept), (select count(*) from lost)";
    let row = database.connect().await?.query_one(sql, &[]).await?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (20, 0));
    Ok(())
}

#[tokio::test]
async fn commits_are_counted_from_the_wal() -> Result<()> {
    let cluster = Cluster::start(Options::default().set("autovacuum", "off")).await?;
    let client = cluster.database().await?.connect().await?;
    client.batch_execute("create table counted (n int)").await?;

    let insert = client.execute("insert into counted values (1)", &[]);
    let (inserted, wal) = cluster.count_commits(insert).await?;
    assert_eq!((inserted?, wal.commits), (1, 1));
    assert!(wal.bytes > 0);

    let read = client.query_one("select count(*) from counted", &[]);
    let (read, wal) = cluster.count_commits(read).await?;
    assert_eq!((read?.get::<_, i64>(0), wal.commits), (1, 0));

    let nothing = async {};
    assert_eq!(cluster.count_commits(nothing).await?.1.commits, 0);

    let several = async {
        client
            .batch_execute("begin; insert into counted values (2); savepoint s; insert into counted values (3); commit")
            .await?;
        client
            .batch_execute("begin; insert into counted values (4); rollback")
            .await?;
        client.batch_execute("insert into counted values (5)").await
    };
    let (done, wal) = cluster.count_commits(several).await?;
    done?;
    assert_eq!(wal.commits, 2);

    // Large enough to cross pages and segments, and left unfinished.
    let open = "begin; insert into counted select n from generate_series(1, 500000) n";
    let (done, wal) = cluster.count_commits(client.batch_execute(open)).await?;
    done?;
    assert_eq!(wal.commits, 0);
    assert!(wal.bytes > 16 << 20, "{wal:?}");
    let (done, wal) = cluster
        .count_commits(client.batch_execute("commit"))
        .await?;
    done?;
    assert_eq!(wal.commits, 1);
    Ok(())
}

#[tokio::test]
async fn a_wait_for_a_lock_is_seen() -> Result<()> {
    let database = Database::fresh().await?;
    let (holder, waiter) = (database.connect().await?, database.connect().await?);
    let pid = backend_pid(&waiter).await?;
    holder
        .batch_execute("begin; select pg_advisory_xact_lock(1)")
        .await?;
    let wait = tokio::spawn(async move { waiter.execute("select pg_advisory_lock(1)", &[]).await });
    waits_for_lock(&database.connect().await?, pid).await?;
    holder.batch_execute("commit").await?;
    wait.await??;
    Ok(())
}

#[tokio::test]
async fn a_condition_that_never_holds_is_named() {
    let started = Instant::now();
    let patience = Duration::from_millis(20);
    let Err(error) = eventually("pigs fly", patience, async || Ok(false)).await else {
        panic!("a condition that never holds was taken to hold");
    };
    assert!(error.to_string().contains("pigs fly"));
    assert!(started.elapsed() >= patience);
}

#[tokio::test]
async fn the_check_of_all_databases_finds_what_is_broken_and_leaves_out_what_is_meant_to_be()
-> Result<()> {
    let cluster = Cluster::start(Options::default()).await?;
    let mut databases = Vec::new();
    for _ in 0..3 {
        let database = cluster.database().await?;
        let session = Session::open(&database).await?;
        session.trigger_with("'test', run_id => 'r'").await?;
        databases.push((database, session));
    }
    let lose = "delete from engine.queue_item";
    for (_, session) in &databases[1..] {
        session.client.batch_execute(lose).await?;
    }
    databases[2].1.broken_on_purpose().await?;
    cluster
        .connect()
        .await?
        .batch_execute("create database bare")
        .await?;

    let sweep = Sweep::of(cluster.server()).await?;
    assert_eq!((sweep.checked, sweep.broken_on_purpose), (3, 1));
    let found: Vec<&str> = sweep
        .found
        .iter()
        .map(|(database, _)| database.as_str())
        .collect();
    assert_eq!(found, ["bare", databases[1].0.name()]);
    assert!(
        sweep.found[0].1[0].contains("cannot be checked"),
        "{sweep:?}"
    );
    assert!(
        sweep.found[1].1[0].starts_with("queue_item of run r: "),
        "{sweep:?}"
    );
    Ok(())
}
