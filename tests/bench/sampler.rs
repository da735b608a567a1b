//! Samples the activity of the load's sessions, ten times a second.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_postgres::Client;

const ACTIVITY: &str = include_str!("sql/activity.sql");
const PAUSE: Duration = Duration::from_millis(100);

/// Samples until it is stopped.
pub(super) struct Sampler {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<HashMap<String, i64>>>,
}

impl Sampler {
    /// Samples through `observer`, a session in the load's database.
    pub(super) async fn start(observer: Client) -> Result<Self> {
        let statement = observer.prepare(ACTIVITY).await?;
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut counts = HashMap::new();
            let mut interval = interval(PAUSE);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = &mut stopped => return Ok(counts),
                    _ = interval.tick() => {}
                }
                for row in observer.query(&statement, &[]).await? {
                    *counts.entry(row.get("doing")).or_default() += row.get::<_, i64>("sessions");
                }
            }
        });
        Ok(Self { stop, task })
    }

    /// Shares of all observations, largest first.
    pub(super) async fn stop(self) -> Result<Vec<(String, f64)>> {
        // Without a receiver the task has ended, and says below why.
        let _ = self.stop.send(());
        let counts = self.task.await.context("the sampler ended abnormally")??;
        let total = counts.values().sum::<i64>().max(1) as f64;
        let mut shares: Vec<(String, f64)> = counts
            .into_iter()
            .map(|(doing, count)| (doing, count as f64 / total))
            .collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(shares)
    }
}
