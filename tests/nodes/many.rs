//! Calls about many runs are split by node.

use anyhow::{Result, ensure};
use engine_client::{Completion, Dequeue, ErrorKind, RunId, RunStatus, SnapshotId, Trigger};
use engine_harness::Options;

use engine_nodes::fleet::{Fleet, triggers};

#[tokio::test]
async fn answers_come_in_the_order_of_the_runs_whichever_nodes_they_are_on() -> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    let triggers = triggers("t", 5);
    let triggered = cluster.trigger_many(&triggers).await;
    let runs: Vec<RunId> = triggered
        .into_iter()
        .map(|answer| answer.map(|run| run.run_id))
        .collect::<Result<_, _>>()?;
    assert_eq!(fleet.count("engine.run").await?, 15);

    let dequeued = cluster.dequeue(&Dequeue::default().max_runs(100)).await?;
    let snapshot_of = |run_id: &RunId| {
        let run = dequeued.iter().find(|run| run.run_id == *run_id);
        run.map(|run| (run.run_id.clone(), run.snapshot_id.clone()))
    };
    let held: Vec<(RunId, SnapshotId)> = runs.iter().filter_map(snapshot_of).collect();
    ensure!(held.len() == 15, "{} of 15 were dequeued", held.len());

    let started = cluster.start_many(&held, true).await;
    let started: Vec<(RunId, SnapshotId)> = started
        .into_iter()
        .map(|answer| answer.map(|run| (run.execution.run_id, run.execution.snapshot_id)))
        .collect::<Result<_, _>>()?;
    assert!(started.iter().map(|(run_id, _)| run_id).eq(&runs));

    let beats = cluster.heartbeat_many(&started).await;
    for (beat, (run_id, _)) in beats.into_iter().zip(&started) {
        assert_eq!(
            beat?.map(|beat| beat.execution.run_id).as_ref(),
            Some(run_id)
        );
    }

    let mut ends = Vec::new();
    for (run_id, snapshot_id) in started {
        ends.push((run_id, snapshot_id, Completion::success("done")?));
    }
    let completed = cluster.complete_many(&ends).await;
    for (answer, run_id) in completed.into_iter().zip(&runs) {
        let answer = answer?;
        assert_eq!(
            (&answer.run_id, answer.run_status),
            (run_id, RunStatus::CompletedSuccessfully)
        );
    }
    fleet.check().await
}

#[tokio::test]
async fn a_refused_element_leaves_the_others_as_they_are() -> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    let mut triggers = triggers("t", 1);
    triggers.insert(1, Trigger::new("t").environment_id("hooli"));
    let answers = cluster.trigger_many(&triggers).await;
    let kinds: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().err().map(|error| error.kind()))
        .collect();
    assert_eq!(
        kinds,
        [None, Some(ErrorKind::UnknownEnvironment), None, None]
    );
    assert_eq!(cluster.trigger_many(&[]).await.len(), 0);
    assert_eq!(fleet.count("engine.run").await?, 3);
    fleet.check().await
}

#[tokio::test]
async fn a_dequeue_begins_with_another_node_each_time() -> Result<()> {
    let fleet = Fleet::start(Options::quick()).await?;
    let cluster = fleet.cluster()?;
    for answer in cluster.trigger_many(&triggers("t", 20)).await {
        answer?;
    }
    let mut found = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let runs = cluster.dequeue(&Dequeue::default()).await?;
        assert_eq!(runs.len(), 1);
        found.extend(runs.into_iter().map(|run| run.environment_id));
        if found.len() == 3 {
            break;
        }
    }
    assert_eq!(found.len(), 3, "{found:?}");
    fleet.check().await
}
