//! What the cluster believes about places, and how that is corrected.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine_client::{Cluster, ClusterConfig, Placement, Trigger};
use engine_harness::{Options, Session};

use engine_nodes::fleet::{ENVIRONMENTS, Fleet, create, triggers};

/// Sets a shard on a node.
async fn set(session: &Session, shard: i32, state: &str, place: Option<&str>) -> Result<()> {
    let set = "select engine_set_shard($1, $2, $3)";
    session.client.query(set, &[&shard, &state, &place]).await?;
    Ok(())
}

#[tokio::test]
async fn a_stale_placement_is_corrected_by_the_first_answer() -> Result<()> {
    let mut fleet = Fleet::start(Options::quick()).await?;
    let cluster = Cluster::new(fleet.stale_placement()?);
    let mut runs = Vec::new();
    for answer in cluster.trigger_many(&triggers("t", 2)).await {
        runs.push(answer?.run_id);
    }
    for run_id in &runs {
        ensure!(cluster.run_result(run_id).await?.is_some(), "{run_id}");
    }
    // Nobody asks the node any more where the shards were believed to be.
    let (environment, _) = ENVIRONMENTS[1];
    fleet.nodes[0].server.kill_9()?;
    let begun = Instant::now();
    let trigger = Trigger::new("t").environment_id(environment);
    cluster.trigger(&trigger).await?;
    ensure!(begun.elapsed() < Duration::from_secs(5), "it was asked");
    fleet.nodes[0].server.restart()?;
    fleet.check().await
}

#[tokio::test]
async fn a_shard_that_the_placement_does_not_name_is_found() -> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let mut placement = Placement::new();
    for node in &fleet.nodes {
        placement = placement.node(node.name, node.database.connection_string().parse()?, []);
    }
    let known = fleet.cluster()?;
    let cluster = Cluster::new(placement);
    for answer in known.trigger_many(&triggers("t", 1)).await {
        let run_id = answer?.run_id;
        ensure!(cluster.run_result(&run_id).await?.is_some(), "{run_id}");
    }
    fleet.check().await
}

#[tokio::test]
async fn a_call_about_a_shard_that_is_moved_waits_and_goes_to_its_new_node() -> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let config = ClusterConfig {
        patience: Duration::from_secs(20),
        ..ClusterConfig::default()
    };
    let cluster = Cluster::with(fleet.placement()?, config);
    let (environment, shard) = ENVIRONMENTS[0];
    let shard = i32::from(shard);
    let trigger = Trigger::new("t").environment_id(environment);
    let first = cluster.trigger(&trigger).await?;
    let (old, new) = (
        fleet.nodes[0].session().await?,
        fleet.nodes[2].session().await?,
    );
    set(&old, shard, "MOVING", Some("node-c")).await?;
    let moved = async {
        let refused = "select count(*) from pg_stat_database where datname = current_database() and xact_rollback > 0";
        engine_harness::condition::eventually(
            "a call was refused",
            engine_nodes::fleet::PATIENCE,
            async || Ok(old.client.query_one(refused, &[]).await?.get::<_, i64>(0) > 0),
        )
        .await?;
        set(&new, shard, "SERVING", None).await?;
        create(&new, environment, 7).await?;
        set(&old, shard, "AWAY", Some("node-c")).await
    };
    let (second, moved) = tokio::join!(cluster.trigger(&trigger), moved);
    moved?;
    let second = second?;
    assert_ne!(first.run_id, second.run_id);
    ensure!(cluster.run_result(&second.run_id).await?.is_some());
    let here = format!("engine.run where id = '{}'", second.run_id);
    assert_eq!(new.count(&here).await?, 1);
    Ok(())
}
