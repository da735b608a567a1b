//! Troubles of a whole server: its settings, its library, its standby.

use std::fs;

use anyhow::{Context, Result, ensure};
use engine_harness::Session;
use engine_harness::condition::eventually;

use super::{Finding, execute, findings, options, server};
use crate::wakeup::PATIENCE;

#[tokio::test]
async fn the_doctor_finds_connections_that_run_out_and_settings_that_lose_commits() -> Result<()> {
    let cluster = server().await?;
    let database = cluster.database().await?;
    let mut session = Session::open(&database).await?;
    let mut others = Vec::new();
    // Of twenty three are reserved.
    while others.len() < 13 {
        others.push(Session::open(&database).await?);
    }
    let found = findings(&session).await?;
    let [([weight, kind, _], detail, command)] = &found[..] else {
        anyhow::bail!("{found:?}");
    };
    assert_eq!((weight.as_str(), kind.as_str()), ("advice", "connections"));
    assert_eq!(detail, "14 of 17 connections are in use.");
    assert_eq!(
        command.as_deref(),
        Some("alter system set max_connections = 34")
    );
    drop(others);

    for (name, value, weight) in [
        ("synchronous_commit", "off", "advice"),
        ("default_transaction_isolation", "serializable", "problem"),
    ] {
        database.set(name, value).await?;
        session = Session::open(&database).await?;
        let mut found = Vec::new();
        eventually("only the setting is left", PATIENCE, async || {
            found = findings(&session).await?;
            Ok(found.len() == 1)
        })
        .await?;
        let ([is, kind, subject], _, command) = &found[0];
        assert_eq!([is, kind, subject], [weight, "setting", name]);
        execute(&session, command.as_deref().context("no command")?).await?;
    }
    session = Session::open(&database).await?;
    assert_eq!(findings(&session).await?, []);
    Ok(())
}

#[tokio::test]
async fn the_doctor_finds_a_library_that_is_not_preloaded_and_a_worker_that_does_not_run()
-> Result<()> {
    let mut cluster = server().await?;
    let database = cluster.database().await?;
    let mut session = Session::open(&database).await?;
    let limit =
        "select engine_set_environment('default', concurrency_limit => 5); select engine_tick()";
    execute(&session, limit).await?;
    let found = findings(&session).await?;
    let [([weight, kind, _], detail, Some(command))] = &found[..] else {
        anyhow::bail!("{found:?}");
    };
    assert_eq!((weight.as_str(), kind.as_str()), ("advice", "preload"));
    ensure!(
        detail.starts_with("The library is not preloaded"),
        "{detail}"
    );
    let preload = command.clone();

    let ticker = format!(
        "alter system set engine.database = '{}'; alter system set engine.role = 'ticker'; select pg_reload_conf()",
        database.name()
    );
    execute(&session, &ticker).await?;
    let kinds = |found: &[Finding]| -> Vec<String> {
        let what = found
            .iter()
            .map(|([weight, kind, subject], ..)| format!("{weight} {kind} {subject}"));
        what.collect()
    };
    let expected = [
        "problem preload engine.database",
        "problem right ticker",
        "advice preload shared_preload_libraries",
    ];
    eventually("the role and the worker are missed", PATIENCE, async || {
        Ok(kinds(&findings(&session).await?) == expected)
    })
    .await?;
    execute(&session, &preload).await?;
    drop(session);
    cluster.restart()?;

    session = Session::open(&database).await?;
    // The role is created, and then granted what it lacks.
    for cause in ["does not exist", "may not call engine_tick"] {
        let found = findings(&session).await?;
        let of_right = found.iter().find(|([_, kind, _], ..)| kind == "right");
        let (_, detail, command) = of_right.with_context(|| format!("{found:?}"))?;
        ensure!(detail.contains(cause), "{detail}");
        execute(&session, command.as_deref().context("no command")?).await?;
    }
    eventually("the worker ticks", PATIENCE * 3, async || {
        Ok(findings(&session).await?.is_empty())
    })
    .await
    .with_context(|| fs::read_to_string(cluster.log()).unwrap_or_default())
}

#[tokio::test]
async fn the_doctor_names_a_standby_whose_transaction_holds_vacuum_back() -> Result<()> {
    let mut cluster = server().await?;
    let database = cluster.database().await?;
    let standby = cluster.standby(options())?;
    let session = Session::open(&database).await?;
    assert_eq!(findings(&session).await?, []);
    let follower = standby.server().connect(database.name()).await?;
    follower
        .batch_execute("begin isolation level repeatable read; select 1")
        .await?;
    let fed_back = "pg_stat_replication where backend_xmin is not null";
    eventually("the primary knows", PATIENCE, async || {
        Ok(session.count(fed_back).await? == 1)
    })
    .await?;
    // Each block that writes is a transaction of its own for vacuum.
    let busy = "create temporary table busy (n integer); \
                do $$ begin for n in 1..100100 loop \
                    begin insert into busy values (n); exception when others then raise; end; \
                end loop; end $$";
    session.client.batch_execute(busy).await?;
    let mut found = Vec::new();
    eventually("it is found", PATIENCE, async || {
        found = findings(&session).await?;
        Ok(!found.is_empty())
    })
    .await?;
    let [(what, detail, Some(command))] = &found[..] else {
        anyhow::bail!("not one finding: {found:?}");
    };
    assert_eq!(what, &["advice", "horizon", "walreceiver"]);
    assert!(
        detail.starts_with("A transaction on standby \"walreceiver\""),
        "{detail}"
    );
    // It is a command for the standby.
    let other = standby.server().connect(database.name()).await?;
    other.batch_execute(command).await?;
    other.batch_execute("select pg_reload_conf()").await?;
    eventually("it is mended", PATIENCE, async || {
        Ok(findings(&session).await?.is_empty())
    })
    .await
}

#[tokio::test]
async fn an_update_that_was_not_made_is_advised_where_calls_are_refused() -> Result<()> {
    let cluster = server().await?;
    let session = Session::open(&cluster.database().await?).await?;
    let version = "update pg_extension set extversion = '0.1.0' where extname = 'engine'";
    session.client.batch_execute(version).await?;
    let sql = "select subject, detail, hint, command from engine.advice where kind = 'version'";
    let row = session.client.query_one(sql, &[]).await?;
    // All crates of the workspace have one version, the extension's.
    let installed = env!("CARGO_PKG_VERSION");
    let detail =
        format!("Version {installed} is installed on the server, and this database has 0.1.0.");
    assert_eq!(row.get::<_, &str>(0), "engine");
    assert_eq!(row.get::<_, &str>(1), detail);
    let command: &str = row.get(3);
    assert_eq!(command, "alter extension engine update");
    Ok(())
}
