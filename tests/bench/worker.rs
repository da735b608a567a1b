//! Workers of the driver, with a handler that does nothing.

use std::time::Duration;

use anyhow::{Context, Result};
use engine_client::{Failure, Worker, WorkerConfig};
use engine_harness::condition::eventually;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::stock::Stock;

const PATIENCE: Duration = Duration::from_secs(60);

/// Workers that work until they are stopped.
pub(super) struct Crew {
    stop: watch::Sender<()>,
    workers: JoinSet<Result<(), engine_client::Error>>,
}

impl Crew {
    /// Starts `count` workers of `stock`; each calls `on_start` in the first line of its handler.
    pub(super) fn start(
        stock: &Stock<'_>,
        count: usize,
        config: &WorkerConfig,
        on_start: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Result<Self> {
        let (stop, stopped) = watch::channel(());
        let mut workers = JoinSet::new();
        for _ in 0..count {
            let on_start = on_start.clone();
            let mut stopped = stopped.clone();
            let worker = Worker::new(stock.address()?).config(config.clone()).task(
                "noop",
                move |_context, _input: Value| {
                    on_start();
                    async { Ok::<_, Failure>(()) }
                },
            );
            workers.spawn(worker.run(async move {
                // An error means that the crew is gone, with the same consequence.
                let _ = stopped.changed().await;
            }));
        }
        Ok(Self { stop, workers })
    }

    /// Lets all workers finish their runs, and returns when their sessions have ended, and so have reported what they
    /// counted.
    pub(super) async fn stop(mut self, stock: &Stock<'_>) -> Result<()> {
        self.stop.send_replace(());
        while let Some(ended) = self.workers.join_next().await {
            ended.context("a worker ended abnormally")??;
        }
        let observer = stock.observer().await?;
        eventually("the workers' sessions have ended", PATIENCE, async || {
            let sql = "select not exists (select from pg_stat_activity as a \
                       where a.datname = current_database() and a.application_name = 'engine-client')";
            Ok(observer.query_one(sql, &[]).await?.get(0))
        })
        .await
    }
}
