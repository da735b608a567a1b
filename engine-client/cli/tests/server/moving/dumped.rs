//! A dump of the node that a shard has moved to.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use engine_harness::Session;
use serde_json::json;

use super::super::prints;
use super::{ENVIRONMENT, Nodes, strs};

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {complaint}");
    Ok(())
}

/// What a node knows of shards, and the events of the one that has moved.
async fn known(session: &Session) -> Result<(Vec<String>, Vec<(i64, String)>)> {
    let states = "select format('%s %s %s %s', s.shard, s.state, s.place, s.has_come) from engine.shard_state as s";
    let states = session.client.query(states, &[]).await?;
    let events = "select e.position, e.name from engine_events(shard => 7, max_events => 1000) as e order by e.position";
    let events = session.client.query(events, &[]).await?;
    Ok((
        states.iter().map(|row| row.get(0)).collect(),
        events.iter().map(|row| (row.get(0), row.get(1))).collect(),
    ))
}

#[tokio::test]
async fn a_dump_of_a_node_has_the_shard_that_has_moved_there_and_work_goes_on_in_its_copy()
-> Result<()> {
    let nodes = Nodes::start().await?;
    let [home, there] = &nodes.sessions;
    for _ in 0..5 {
        home.trigger_with(&format!("'t', environment_id => '{ENVIRONMENT}'"))
            .await?;
    }
    let held = home.take().await?;
    prints(&nodes.databases[0], &strs(&nodes.arguments(0))).await?;

    let cluster = &nodes.clusters[1];
    let file = cluster.data().with_file_name("dump");
    run(Command::new(cluster.program("pg_dump"))
        .args(["--format=custom", "--file"])
        .arg(&file)
        .arg(nodes.databases[1].connection_string()))?;
    let maintenance = cluster.connect().await?;
    maintenance.batch_execute("create database copy").await?;
    run(Command::new(cluster.program("pg_restore"))
        .args(["--exit-on-error", "--dbname"])
        .arg(cluster.server().connection_string("copy"))
        .arg(&file))?;
    let copy = Session {
        client: cluster.server().connect("copy").await?,
    };
    let seen = known(there).await?;
    ensure!(!seen.1.is_empty(), "the shard has no events");
    assert_eq!(known(&copy).await?, seen);
    copy.complete(&held, json!({"ok": true})).await?;
    let next = copy.take().await?;
    copy.complete(&next, json!({"ok": true})).await?;
    let now = known(&copy).await?;
    ensure!(
        now.1.starts_with(&seen.1) && now.1.len() > seen.1.len(),
        "{now:?}"
    );
    copy.check().await
}
