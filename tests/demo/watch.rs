//! From the first run to the last, with the kill between them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;
use tokio_postgres::Client;

use super::bar::Bar;
use super::batch::{self, Standing};
use super::fleet::{Fleet, Killed};
use super::{CONCURRENCY, WORKERS};

/// Time between two checks of the runs.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// Longest time without executing runs although runs are left.
const IDLE_PATIENCE: Duration = Duration::from_secs(60);

/// Watches the runs until all are finished; half-way kills a worker that executes some.
pub async fn to_the_end(
    client: &Client,
    fleet: &mut Fleet,
    bar: &mut Bar,
    runs: usize,
) -> Result<(Killed, Standing)> {
    // The last runs are executed all at once: they would finish all at once, and none would be left.
    let half_way = runs.saturating_sub(WORKERS * CONCURRENCY) / 2;
    let mut killed = None;
    let mut last = Standing::default();
    let mut moved_at = Instant::now();
    loop {
        let standing = batch::standing(client).await?;
        if standing != last || standing.held > 0 {
            moved_at = Instant::now();
        }
        if standing.recovered > last.recovered {
            let recovered = standing.recovered - last.recovered;
            bar.say(&format!("runs that heartbeats recovered: {recovered}"));
        }
        last = standing;
        bar.show(standing);
        if standing.finished == runs {
            let killed = killed.context("no worker executed a run when one was to be killed")?;
            return Ok((killed, standing));
        }
        if killed.is_none() && standing.finished >= half_way {
            killed = fleet.kill_busiest(client).await?;
            if let Some(Killed { name, runs }) = &killed {
                bar.say(&format!(
                    "killed {name} with SIGKILL; runs that it held: {runs}"
                ));
            }
        }
        fleet.check()?;
        ensure!(
            moved_at.elapsed() < IDLE_PATIENCE,
            "for {IDLE_PATIENCE:?} no worker has executed anything; {} of {runs} runs are finished",
            standing.finished
        );
        sleep(LOOK_EVERY).await;
    }
}
