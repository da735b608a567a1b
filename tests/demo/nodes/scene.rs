//! What happens while the work goes on: a shard moves, then a node dies and comes back.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

use super::mover::{self, Moved};
use super::node::{Nodes, SHARDS};
use super::producer::Producer;
use crate::bar::Bar;
use crate::batch::Standing;
use crate::fleet::Fleet;

/// The shard that moves, from the first node to the second.
pub const MOVES: u16 = SHARDS.start;

/// How long the node stays dead before it starts again: long enough to see that the others go on.
const DEAD_FOR: Duration = Duration::from_secs(2);

/// Time between two checks of the runs.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// Longest time without a change although something is waited for.
const IDLE_PATIENCE: Duration = Duration::from_secs(60);

/// What has happened.
pub struct Events {
    pub moved: Moved,
    /// Runs that finished meanwhile.
    pub while_moving: usize,
    pub killed: String,
    pub dead_for: Duration,
    /// Runs that the other nodes finished meanwhile.
    pub while_dead: usize,
}

/// Those who work, and who watches them.
pub struct Stage {
    pub nodes: Nodes,
    pub fleet: Fleet,
    pub producer: Producer,
    pub bar: Bar,
    pub runs: usize,
}

impl Stage {
    /// Plays all scenes. Each third of the runs is triggered in the one that it is for.
    pub async fn play(&mut self, engine: &Path) -> Result<(Events, Standing)> {
        let runs = self.runs;
        self.producer.allow(runs / 3);
        self.until(|standing| standing.finished >= runs / 6).await?;
        let (moved, while_moving) = self.move_shard(engine).await?;
        self.until(|standing| standing.finished >= runs / 2).await?;
        let (killed, dead_for, while_dead) = self.kill().await?;
        let is_over = |standing: Standing| standing.finished == runs && standing.held == 0;
        let standing = self.until(is_over).await?;
        let events = Events {
            moved,
            while_moving,
            killed,
            dead_for,
            while_dead,
        };
        Ok((events, standing))
    }

    async fn move_shard(&mut self, engine: &Path) -> Result<(Moved, usize)> {
        self.producer.allow(self.runs * 2 / 3);
        let (from, to) = (&self.nodes.0[0], &self.nodes.0[1]);
        let (home, there) = (&from.name, &to.name);
        self.bar.say(&format!(
            "engine shard move {MOVES}, from {home} to {there}, while work goes on"
        ));
        let moving = mover::start(engine, MOVES, from, to)?;
        let before = self.nodes.standing().await?.finished;
        let standing = self.until(|_| moving.is_finished()).await?;
        let moved = moving.await??;
        let finished = standing.finished.saturating_sub(before);
        self.bar.say(&format!(
            "it has moved in {:.1} s, of which calls about it waited {} ms; runs finished meanwhile: {finished}",
            moved.elapsed.as_secs_f64(),
            moved.held_up.as_millis()
        ));
        Ok((moved, finished))
    }

    async fn kill(&mut self) -> Result<(String, Duration, usize)> {
        let before = self.nodes.finished_by_others();
        let last = self.nodes.0.last_mut().context("there are no nodes")?;
        let name = last.name.clone();
        last.kill()?;
        let since = Instant::now();
        self.bar.say(&format!("killed {name} with SIGKILL"));
        self.producer.allow(self.runs);
        self.until(|_| since.elapsed() >= DEAD_FOR).await?;
        let last = self.nodes.0.last_mut().context("there are no nodes")?;
        let restarting = last.restart()?;
        self.until(|_| restarting.is_finished()).await?;
        let last = self.nodes.0.last_mut().context("there are no nodes")?;
        last.rejoin(restarting.await??).await?;
        let dead_for = since.elapsed();
        let finished = self.nodes.finished_by_others().saturating_sub(before);
        self.bar.say(&format!(
            "{name} is back after {:.1} s; runs that the others finished meanwhile: {finished}",
            dead_for.as_secs_f64()
        ));
        Ok((name, dead_for, finished))
    }

    /// Shows the progress until `holds`.
    async fn until(&mut self, mut holds: impl FnMut(Standing) -> bool) -> Result<Standing> {
        let (mut last, mut moved_at) = (Standing::default(), Instant::now());
        loop {
            let standing = self.nodes.standing().await?;
            if standing != last {
                (last, moved_at) = (standing, Instant::now());
            }
            self.bar.show(standing);
            if holds(standing) {
                return Ok(standing);
            }
            self.fleet.check()?;
            ensure!(
                moved_at.elapsed() < IDLE_PATIENCE,
                "for {IDLE_PATIENCE:?} nothing has happened; {} of {} runs are finished",
                standing.finished,
                self.runs
            );
            sleep(LOOK_EVERY).await;
        }
    }
}
