//! A worker that runs beside its test.

use std::time::Duration;

use anyhow::Result;
use engine_client::{BackoffRange, Worker, WorkerConfig};
use engine_harness::condition::eventually;
use engine_harness::{Database, Session};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Running {
    stop: oneshot::Sender<()>,
    worker: JoinHandle<Result<(), engine_client::Error>>,
}

impl Running {
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

    pub async fn stop(self) -> Result<()> {
        self.stop.send(()).ok();
        Ok(self.worker.await??)
    }
}

pub fn config() -> WorkerConfig {
    let idle = BackoffRange {
        min: Duration::from_millis(5),
        max: Duration::from_millis(50),
    };
    WorkerConfig {
        idle,
        timekeeper: Some(Duration::from_millis(100)),
        ..WorkerConfig::default()
    }
}

pub fn worker(database: &Database) -> Result<Worker> {
    Ok(Worker::new(database.connection_string().parse()?).config(config()))
}

pub async fn finished(session: &Session, runs: i64) -> Result<()> {
    eventually("all runs are finished", PATIENCE, async || {
        Ok(session
            .count("engine.run_state where execution_status = 'FINISHED'")
            .await?
            == runs)
    })
    .await
}

/// Run status, attempts and the error's code or message of the only run.
pub(crate) async fn outcome(session: &Session) -> Result<(String, i32, Option<String>)> {
    let sql = "select run_status::text, attempt_number, coalesce(error ->> 'code', error ->> 'raw') from engine.run_state";
    let row = session.client.query_one(sql, &[]).await?;
    Ok((row.get(0), row.get(1), row.get(2)))
}
