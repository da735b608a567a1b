//! A worker that runs beside its test, and the runs that it is to end.

use std::time::Duration;

use anyhow::Result;
use engine_client::{
    BackoffRange, Cluster, Context, Failure, RunId, Trigger, Worker, WorkerConfig,
};
use engine_harness::condition::eventually;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fleet::PATIENCE;

/// A worker that runs beside its test.
pub struct Running {
    stop: oneshot::Sender<()>,
    worker: JoinHandle<Result<(), engine_client::Error>>,
}

impl Running {
    /// Starts it.
    pub fn start(worker: Worker) -> Self {
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            stopped.await.ok();
        };
        Self {
            stop,
            worker: tokio::spawn(worker.run(shutdown)),
        }
    }

    /// Stops it, and waits for its end.
    ///
    /// # Errors
    /// Those of the worker.
    pub async fn stop(self) -> Result<()> {
        self.stop.send(()).ok();
        Ok(self.worker.await??)
    }
}

/// A worker without tasks that looks for runs often.
pub fn worker(cluster: Cluster, concurrency: usize) -> Worker {
    let config = WorkerConfig {
        concurrency,
        idle: BackoffRange {
            min: Duration::from_millis(5),
            max: Duration::from_millis(50),
        },
        timekeeper: Some(Duration::from_millis(100)),
        ..WorkerConfig::default()
    };
    Worker::on_cluster(cluster).config(config)
}

/// A task that does nothing.
///
/// # Errors
/// None.
pub async fn nothing(_: Context, _: serde_json::Value) -> Result<(), Failure> {
    Ok(())
}

/// Triggers all of them.
///
/// # Errors
/// If one is refused.
pub async fn trigger_all(cluster: &Cluster, triggers: &[Trigger]) -> Result<Vec<RunId>> {
    let answers = cluster.trigger_many(triggers).await.into_iter();
    let runs = answers.map(|answer| Ok(answer?.run_id));
    runs.collect()
}

/// Waits until these runs have succeeded.
///
/// # Errors
/// If one does not end in time.
pub async fn succeeded(cluster: &Cluster, runs: &[RunId]) -> Result<()> {
    for run_id in runs {
        eventually("the run has ended", PATIENCE, async || {
            let result = cluster.run_result(run_id).await?;
            Ok(result.is_some_and(|result| result.is_success()))
        })
        .await?;
    }
    Ok(())
}
