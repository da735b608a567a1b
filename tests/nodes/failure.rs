//! A node that dies disturbs nobody else.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine_client::{Cluster, ClusterConfig, Dequeue, ErrorKind, RunId, Trigger};
use engine_harness::Options;

use engine_nodes::fleet::{ENVIRONMENTS, Fleet, triggers};

#[tokio::test]
async fn a_killed_node_fails_its_own_elements_only_and_goes_on_after_its_restart() -> Result<()> {
    let mut fleet = Fleet::start(Options::default()).await?;
    let cluster = fleet.cluster()?;
    let triggers = triggers("t", 4);
    let mut acknowledged: Vec<RunId> = Vec::new();
    for answer in cluster.trigger_many(&triggers).await {
        acknowledged.push(answer?.run_id);
    }
    let (dead, _) = ENVIRONMENTS[1];
    fleet.node_of(dead)?.server.kill_9()?;

    let answers = cluster.trigger_many(&triggers).await;
    for (index, answer) in answers.into_iter().enumerate() {
        let (environment, _) = ENVIRONMENTS[index % ENVIRONMENTS.len()];
        match answer {
            Ok(run) if environment != dead => acknowledged.push(run.run_id),
            Err(error) if environment == dead => assert_eq!(error.kind(), ErrorKind::Connection),
            other => panic!("{environment}: {other:?}"),
        }
    }
    // The others answer as fast as before.
    let begun = Instant::now();
    for (environment, _) in ENVIRONMENTS.iter().filter(|(name, _)| *name != dead) {
        for _ in 0..10 {
            let trigger = Trigger::new("t").environment_id(*environment);
            acknowledged.push(cluster.trigger(&trigger).await?.run_id);
        }
    }
    let runs = cluster.dequeue(&Dequeue::default().max_runs(5)).await?;
    assert_eq!(runs.len(), 5);
    ensure!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );

    fleet.node_of(dead)?.server.restart()?;
    for answer in cluster.trigger_many(&triggers).await {
        acknowledged.push(answer?.run_id);
    }
    for run_id in &acknowledged {
        ensure!(
            cluster.run_result(run_id).await?.is_some(),
            "{run_id} is lost"
        );
    }
    let count = i64::try_from(acknowledged.len())?;
    assert_eq!(fleet.count("engine.run").await?, count);
    fleet.check().await
}

#[tokio::test]
async fn a_call_waits_for_a_node_that_comes_back_in_time() -> Result<()> {
    let mut fleet = Fleet::start(Options::default()).await?;
    let config = ClusterConfig {
        patience: Duration::from_secs(30),
        ..ClusterConfig::default()
    };
    let cluster = Cluster::with(fleet.placement()?, config);
    let (environment, _) = ENVIRONMENTS[2];
    let trigger = Trigger::new("t").environment_id(environment);
    cluster.trigger(&trigger).await?;
    fleet.node_of(environment)?.server.kill_9()?;
    // Without the key, one whose answer is lost could make a second run.
    let keyed = trigger.idempotency_key("once");
    let lost = cluster.trigger(&keyed);
    let restart = async {
        let node = fleet.node_of(environment)?;
        node.server.restart().context("the node does not come back")
    };
    let (triggered, restarted) = tokio::join!(lost, restart);
    restarted?;
    assert!(!triggered?.is_cached);
    assert_eq!(fleet.count("engine.run").await?, 2);
    fleet.check().await
}

#[tokio::test]
async fn the_environment_of_a_living_node_is_found_while_another_one_is_dead() -> Result<()> {
    let mut fleet = Fleet::start(Options::default()).await?;
    let (dead, _) = ENVIRONMENTS[0];
    fleet.node_of(dead)?.server.kill_9()?;
    let cluster = fleet.cluster()?;
    for (environment, _) in &ENVIRONMENTS[1..] {
        let trigger = Trigger::new("t").environment_id(*environment);
        cluster.trigger(&trigger).await?;
    }
    // The dead one may know it.
    let trigger = Trigger::new("t").environment_id(dead);
    let error = cluster.trigger(&trigger).await.err();
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Connection));
    fleet.node_of(dead)?.server.restart()?;
    cluster.trigger(&trigger).await?;
    fleet.check().await
}
