//! Every call goes to the node of what it is about.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use engine_client::{
    BatchItem, Cancel, Completion, Connection, Dequeue, Error, ErrorKind, NewBatch, RunStatus,
    Trigger, WaitpointOptions,
};
use engine_harness::Options;

use engine_nodes::fleet::{ENVIRONMENTS, Fleet};

#[tokio::test]
async fn a_run_lives_on_the_node_of_its_environment_from_its_trigger_to_its_result() -> Result<()> {
    let mut fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    for (environment, _) in ENVIRONMENTS {
        let trigger = Trigger::new("double").environment_id(environment);
        let run = cluster.trigger(&trigger.payload(&21)?).await?;
        let dequeued = cluster.dequeue(&Dequeue::default()).await?.pop();
        let dequeued = dequeued.context("nothing was dequeued")?;
        assert_eq!(dequeued.run_id, run.run_id);
        assert_eq!(dequeued.environment_id, environment);
        let (run_id, snapshot_id) = (&dequeued.run_id, &dequeued.snapshot_id);
        let start = |connection: Arc<Connection>| async move {
            connection
                .engine()
                .start_attempt(run_id, snapshot_id, false)
                .await
        };
        let started = cluster.of_run(run_id, start).await?.execution;
        let done = &Completion::success(&42)?;
        let snapshot_id = &started.snapshot_id;
        let complete = |connection: Arc<Connection>| async move {
            connection
                .engine()
                .complete_attempt(run_id, snapshot_id, done)
                .await
        };
        cluster.of_run(run_id, complete).await?;
        let result = cluster.run_result(run_id).await?.context("no result")?;
        assert_eq!(result.output::<i64>()?, 42);
        let session = fleet.node_of(environment)?.session().await?;
        assert_eq!(session.count("engine.run").await?, 1, "{environment}");
    }
    fleet.check().await
}

#[tokio::test]
async fn a_token_a_batch_and_a_cancel_reach_their_node_by_their_id() -> Result<()> {
    let mut fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    for (environment, _) in ENVIRONMENTS {
        let options = &WaitpointOptions::default().environment_id(environment);
        let create = |connection: Arc<Connection>| async move {
            connection
                .engine()
                .create_manual_waitpoint(None, options)
                .await
        };
        let token = cluster.of_environment(environment, create).await?;
        let completed = cluster
            .complete_waitpoint(&token.waitpoint_id, Some("1"), None, false)
            .await?;
        assert_eq!(completed.waitpoint_id, token.waitpoint_id);

        let new = NewBatch::of(1).environment_id(environment);
        let batch = cluster.create_batch(&new).await?;
        let item = BatchItem::at(0, Trigger::new("t").environment_id(environment));
        let added = cluster.add_to_batch(&batch.batch_id, &[item]).await?;
        let run_id = &added.first().context("nothing was added")?.run_id;
        let child = Trigger::new("t")
            .environment_id(environment)
            .parent(run_id.clone());
        let child = cluster.trigger(&child).await?;
        for run_id in [run_id, &child.run_id] {
            let cancelled = cluster.cancel(run_id, &Cancel::default()).await?;
            assert_eq!(cancelled.execution.run_status, RunStatus::Canceled);
        }
        let session = fleet.node_of(environment)?.session().await?;
        for table in ["run", "batch", "waitpoint"] {
            let from = format!("engine.{table} where environment_id = '{environment}'");
            ensure!(session.count(&from).await? > 0, "{table} of {environment}");
        }
    }
    fleet.check().await
}

#[tokio::test]
async fn an_environment_that_no_node_knows_is_unknown() -> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    let trigger = Trigger::new("t").environment_id("hooli");
    let error = cluster
        .trigger(&trigger)
        .await
        .err()
        .context("it was made")?;
    assert_eq!(error.kind(), ErrorKind::UnknownEnvironment);
    // It is remembered as little as it was known.
    engine_nodes::fleet::create(&fleet.nodes[1].session().await?, "hooli", 30).await?;
    cluster.trigger(&trigger).await?;
    fleet.check().await
}

#[tokio::test]
async fn a_call_at_every_node_has_an_answer_of_each() -> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    let tick = |connection: Arc<Connection>| async move { connection.engine().tick(10).await };
    let ticked = cluster.on_each(tick).await;
    let names: Vec<&str> = ticked.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["node-a", "node-b", "node-c"]);
    for (name, answer) in ticked {
        let answer: Result<_, Error> = answer;
        answer.context(name.to_owned())?;
    }
    fleet.check().await
}
