//! `engine router`, with the pooler and the database that it is for.

use std::fs;

use anyhow::{Context, Result, ensure};
use engine_client::{Cluster, Dequeue, ErrorKind, Placement, Trigger};
use engine_harness::{Database, Pooler, Session, with_plproxy};
use tempfile::TempDir;
use tokio_postgres::Client;

use super::prints;

/// A database with an environment on one of the shards that it serves, and those that it does not.
async fn node(environment: &str, shard: i32, others: (i32, i32)) -> Result<(Database, Session)> {
    let database = Database::fresh().await?;
    let session = Session::open(&database).await?;
    let create = "select engine_set_environment($1, shard => $2)";
    session
        .client
        .query(create, &[&environment, &shard])
        .await?;
    let away = "select engine_set_shard(n, 'AWAY') from generate_series($1::integer, $2) as n";
    session.client.query(away, &[&others.0, &others.1]).await?;
    Ok((database, session))
}

#[tokio::test]
async fn a_pooler_with_the_printed_map_leads_every_call_to_the_node_of_its_shard() -> Result<()> {
    let (first, acme) = node("acme", 7, (32, 63)).await?;
    let (second, globex) = node("globex", 45, (0, 31)).await?;
    let home = TempDir::new()?;
    let list = home.path().join("placement");
    let (a, b) = (first.connection_string(), second.connection_string());
    fs::write(&list, format!("0-31 {a}\n32-63 {b}\n"))?;
    let list = list.to_str().context("the path is not text")?;
    let map = prints(&first, &["router", list]).await?;
    let pooler = Pooler::routing(&map, 2)?;
    let connection = pooler.connection_string("engine_{shard}");
    let cluster = Cluster::new(Placement::routed(&connection, 0..64)?);

    for (environment, shard, session) in [("acme", "07", &acme), ("globex", "19", &globex)] {
        let trigger = Trigger::new("t").environment_id(environment);
        let triggers = [trigger.clone(), trigger];
        for answer in cluster.trigger_many(&triggers).await {
            let run_id = answer?.run_id;
            ensure!(run_id.as_str().ends_with(shard), "{run_id}");
            ensure!(cluster.run_result(&run_id).await?.is_some(), "{run_id}");
        }
        assert_eq!(session.count("engine.run").await?, 2, "{environment}");
        let dequeue = Dequeue::default().environment_id(environment).max_runs(10);
        assert_eq!(cluster.dequeue(&dequeue).await?.len(), 2);
    }
    let trigger = Trigger::new("t").environment_id("initech");
    let error = cluster.trigger(&trigger).await.err();
    let kind = error.map(|error| error.kind());
    assert_eq!(kind, Some(ErrorKind::UnknownEnvironment));
    acme.check().await?;
    globex.check().await
}

/// Runs the printed script in a new database of the server; `None` where there is no PL/Proxy for it.
async fn proxy(node: &Database, session: &Session, list: &str) -> Result<Option<Client>> {
    let major = "select current_setting('server_version_num')::integer / 10000";
    let major: i32 = session.client.query_one(major, &[]).await?.get(0);
    let script = prints(node, &["router", "--plproxy", list]).await?;
    let Some(script) = with_plproxy(&script, u32::try_from(major)?)? else {
        return Ok(None);
    };
    // Another name than those of databases of tests: it has no engine that is checked in the end.
    let name: String = format!("proxy_{}", node.name()).chars().take(63).collect();
    let create = format!("create database \"{name}\" template template1");
    session.client.batch_execute(&create).await?;
    let client = node.connect_to(&name).await?;
    client.batch_execute(&script).await?;
    Ok(Some(client))
}

#[tokio::test]
async fn a_database_with_the_printed_functions_leads_every_call_to_the_node_of_its_shard()
-> Result<()> {
    let (first, acme) = node("acme", 7, (32, 63)).await?;
    let (second, globex) = node("globex", 45, (0, 31)).await?;
    let home = TempDir::new()?;
    let list = home.path().join("placement");
    let (a, b) = (first.connection_string(), second.connection_string());
    fs::write(&list, format!("0-31 {a}\n32-63 {b}\n"))?;
    let list = list.to_str().context("the path is not text")?;
    let Some(proxy) = proxy(&first, &acme, list).await? else {
        eprintln!("there is no PL/Proxy for this server");
        return Ok(());
    };
    let known = "insert into engine_proxy.environment values ('acme', 7), ('globex', 45)";
    proxy.batch_execute(known).await?;
    for (environment, session) in [("acme", &acme), ("globex", &globex)] {
        let life = "select s.run_status \
                    from engine_trigger('t', environment_id => $1) as t, \
                         lateral engine_dequeue(environment_id => $1) as d, \
                         lateral engine_start_attempt(d.run_id, d.snapshot_id) as a, \
                         lateral engine_succeed(a.run_id, a.snapshot_id, '1') as s \
                    where d.run_id = t.run_id";
        let status: String = proxy.query_one(life, &[&environment]).await?.get(0);
        assert_eq!(status, "COMPLETED_SUCCESSFULLY");
        assert_eq!(session.count("engine.run").await?, 1, "{environment}");
        session.check().await?;
    }
    // What the page says of it: a node knows nothing of the transaction of a caller.
    let undone = "begin; select engine_trigger('t', environment_id => 'acme'); rollback";
    proxy.batch_execute(undone).await?;
    assert_eq!(acme.count("engine.run").await?, 2);
    for (call, code) in [
        ("engine_trigger('t', environment_id => 'initech')", "22023"),
        ("engine_cancel(null)", "22004"),
        ("engine_cancel('unknown')", "RE001"),
        ("engine_cancel('cmwvus7zo00007dnp6gu4fbzz')", "22023"),
    ] {
        let error = proxy.query(&format!("select {call}"), &[]).await.err();
        let error = error.with_context(|| format!("{call} is not refused"))?;
        assert_eq!(
            error.code().map(|of| of.code()),
            Some(code),
            "{call}: {error:?}"
        );
    }
    Ok(())
}
