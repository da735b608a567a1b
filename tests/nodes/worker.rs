//! A worker on several nodes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use engine_client::{Context, Failure, Trigger, Worker, WorkerConfig};
use engine_harness::Options;
use engine_harness::condition::eventually;
use tokio::sync::Semaphore;

use crate::shift::shift;
use engine_nodes::fleet::{ENVIRONMENTS, Fleet, PATIENCE, triggers};
use engine_nodes::running::{Running, nothing, succeeded, trigger_all, worker};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_executes_the_runs_of_all_nodes_in_turn() -> Result<()> {
    const ROUNDS: usize = 20;
    let fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    let order: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&order);
    let worker =
        worker(fleet.cluster()?, 1).task("t", move |ctx: Context, _: serde_json::Value| {
            let seen = Arc::clone(&seen);
            async move {
                let environment = ctx.run().environment_id.clone();
                seen.lock()
                    .map_err(|_| Failure::message("poisoned"))?
                    .push(environment);
                Ok::<_, Failure>(())
            }
        });
    let running = Running::start(worker);
    // By then it looks for runs at every node.
    let first = trigger_all(&cluster, &triggers("t", 1)).await?;
    succeeded(&cluster, &first).await?;
    let runs = trigger_all(&cluster, &triggers("t", ROUNDS)).await?;
    succeeded(&cluster, &runs).await?;
    running.stop().await?;
    let mut order = order.lock().map(|order| order.clone()).unwrap_or_default();
    order.drain(..first.len());
    assert_eq!(order.len(), runs.len());
    for (environment, _) in ENVIRONMENTS {
        let early = order[..order.len() / 2].iter();
        let early = early.filter(|name| **name == environment).count();
        ensure!(early >= ROUNDS / 4, "{environment}: {early} of {order:?}");
    }
    fleet.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_and_children_are_on_the_node_of_their_run() -> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    let worker = worker(fleet.cluster()?, 4)
        .task("child", |_: Context, number: i64| async move {
            Ok::<_, Failure>(number * 2)
        })
        .task("parent", |ctx: Context, number: i64| async move {
            ctx.wait_for("a moment", Duration::from_millis(20)).await?;
            let child = Trigger::new("child").payload(&number)?;
            let doubled = ctx.trigger_and_wait("child", child).await?;
            Ok::<i64, Failure>(doubled.output()?)
        });
    let running = Running::start(worker);
    let mut parents = Vec::new();
    for trigger in triggers("parent", 2) {
        parents.push(trigger.payload(&21)?);
    }
    let runs = trigger_all(&cluster, &parents).await?;
    succeeded(&cluster, &runs).await?;
    for run_id in &runs {
        let result = cluster.run_result(run_id).await?;
        assert_eq!(
            result.map(|result| result.output::<i64>()).transpose()?,
            Some(42)
        );
    }
    running.stop().await?;
    for node in &fleet.nodes {
        let session = node.session().await?;
        assert_eq!(session.count("engine.run").await?, 4, "{}", node.name);
    }
    fleet.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_delays_its_own_runs_only_and_they_end_after_its_restart() -> Result<()> {
    let mut fleet = Fleet::start(Options::default()).await?;
    let cluster = fleet.cluster()?;
    let (dead, _) = ENVIRONMENTS[1];
    let gate = Arc::new(Semaphore::new(0));
    let (begun, gate_of_handler) = (Arc::new(Semaphore::new(0)), Arc::clone(&gate));
    let begun_of_handler = Arc::clone(&begun);
    let worker = worker(fleet.cluster()?, 3).task("t", nothing).task(
        "held",
        move |_: Context, _: serde_json::Value| {
            let (begun, gate) = (Arc::clone(&begun_of_handler), Arc::clone(&gate_of_handler));
            async move {
                begun.add_permits(1);
                let _passed = gate.acquire().await;
                Ok::<_, Failure>(())
            }
        },
    );
    let running = Running::start(worker);
    // All handlers are busy with runs of the node that dies.
    let held = vec![Trigger::new("held").environment_id(dead); 3];
    let mut late = trigger_all(&cluster, &held).await?;
    let _all = begun.acquire_many(3).await?;
    fleet.node_of(dead)?.server.kill_9()?;

    // Their ends cannot be reported before the node is back: what they occupied is free for others meanwhile.
    gate.add_permits(3);
    let mut others = triggers("t", 20);
    others.retain(|trigger| !format!("{trigger:?}").contains(dead));
    let runs = trigger_all(&cluster, &others).await?;
    succeeded(&cluster, &runs).await?;

    fleet.node_of(dead)?.server.restart()?;
    let again = vec![Trigger::new("t").environment_id(dead); 10];
    late.extend(trigger_all(&cluster, &again).await?);
    succeeded(&cluster, &late).await?;
    running.stop().await?;
    let session = fleet.node_of(dead)?.session().await?;
    let first = "engine.run_state where attempt_number = 1 and execution_status = 'FINISHED'";
    assert_eq!(session.count(first).await?, 13);
    fleet.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_one_environment_finds_its_node() -> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    let (environment, _) = ENVIRONMENTS[2];
    let config = WorkerConfig {
        environment_id: Some(environment.to_owned()),
        ..WorkerConfig::default()
    };
    let worker = Worker::on_cluster(fleet.cluster()?)
        .config(config)
        .task("t", nothing);
    let running = Running::start(worker);
    let runs = trigger_all(&cluster, &triggers("t", 3)).await?;
    succeeded(
        &cluster,
        &[runs[2].clone(), runs[5].clone(), runs[8].clone()],
    )
    .await?;
    running.stop().await?;
    let ended = "engine.run_state where execution_status = 'FINISHED'";
    assert_eq!(fleet.count(ended).await?, 3);
    fleet.check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_shard_moves_while_it_executes_is_kept_and_completed_at_its_new_node()
-> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    let (environment, shard) = ENVIRONMENTS[0];
    let gate = Arc::new(Semaphore::new(0));
    let (begun, gate_of_handler) = (Arc::new(Semaphore::new(0)), Arc::clone(&gate));
    let begun_of_handler = Arc::clone(&begun);
    let worker =
        worker(fleet.cluster()?, 2).task("held", move |_: Context, _: serde_json::Value| {
            let (begun, gate) = (Arc::clone(&begun_of_handler), Arc::clone(&gate_of_handler));
            async move {
                begun.add_permits(1);
                let _passed = gate.acquire().await;
                Ok::<_, Failure>(42)
            }
        });
    let (old, new) = (
        fleet.nodes[0].session().await?,
        fleet.nodes[2].session().await?,
    );
    let soon = "alter database \"{}\" set engine.heartbeat_executing_ms = 3000";
    for (node, session) in [(&fleet.nodes[0], &old), (&fleet.nodes[2], &new)] {
        let set = soon.replace("{}", node.database.name());
        session.client.batch_execute(&set).await?;
    }
    let running = Running::start(worker);
    let trigger = Trigger::new("held").environment_id(environment);
    let run_id = cluster.trigger(&trigger).await?.run_id;
    let _begun = begun.acquire().await?;
    shift(&old, &new, shard, "node-c").await?;
    // Beats reach the new node.
    let beat = "engine.heartbeat where deadline_at > clock_timestamp() + interval '1 s'";
    let first = "select max(deadline_at) from engine.heartbeat";
    let before: std::time::SystemTime = new.client.query_one(first, &[]).await?.get(0);
    eventually("the run is kept at its new node", PATIENCE, async || {
        let now: std::time::SystemTime = new.client.query_one(first, &[]).await?.get(0);
        Ok(now > before && new.count(beat).await? == 1)
    })
    .await?;
    gate.add_permits(1);
    succeeded(&cluster, std::slice::from_ref(&run_id)).await?;
    running.stop().await?;
    let once = format!(
        "engine.run_state where run_id = '{}' and attempt_number = 1 and output = '42'",
        run_id.as_str()
    );
    assert_eq!(new.count(&once).await?, 1);
    new.check().await
}
