//! `engine router`, with the pooler that it is for.

use std::fs;

use anyhow::{Context, Result, ensure};
use engine_client::{Cluster, Dequeue, ErrorKind, Placement, Trigger};
use engine_harness::{Database, Pooler, Session};
use tempfile::TempDir;

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
