//! Heartbeats for all held runs.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::held_run::{HeldRun, KnownState, Verdict};
use super::hold::HeldRuns;
use super::metric;
use crate::backoff::{Backoff, BackoffRange};
use crate::link::Link;
use crate::{Cluster, Error, ErrorKind, Heartbeat, Identity, OfMany, Presence, RunId, SnapshotId};

/// Most runs in one statement: the default of the server's `engine.max_batch`.
const RUNS_PER_BEAT: usize = 1000;

/// Shortest time limit for an answer, so that very short deadlines do not cut a healthy connection.
const MIN_ANSWER_TIME: Duration = Duration::from_secs(1);

/// Shortest time between two beats, whatever the deadlines.
const MIN_PAUSE: Duration = Duration::from_millis(20);

/// Time between checks whether runs have moved on: a cancel reaches its handler within a second.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Pauses after a failed beat.
const RETRY: BackoffRange = BackoffRange {
    min: Duration::from_millis(50),
    max: Duration::from_secs(1),
};

/// Beats for every held run, in one statement, on a connection and a thread of its own: neither other calls
/// nor handlers that block their threads can delay it.
///
/// Beats do not ride on turns: a run that ends within a third of its deadline needs none, and for longer runs a statement
/// every few seconds costs less than one more argument of every turn.
#[derive(Debug)]
pub(super) struct HeartbeatLoop {
    pub(super) held: Arc<HeldRuns>,
    pub(super) link: Link,
    pub(super) identity: Identity,
    /// What the worker tells of itself.
    pub(super) presence: Presence,
    /// Longest time for an answer.
    pub(super) call_timeout: Duration,
    /// Where runs are kept whose shard has moved to another node.
    pub(super) cluster: Option<Cluster>,
}

impl HeartbeatLoop {
    /// Starts the thread, which ends soon after `stop`; then the receiver is notified.
    ///
    /// # Errors
    /// [`ErrorKind::Setup`](crate::ErrorKind::Setup) if the system cannot start a thread.
    pub(super) fn start(self, stop: CancellationToken) -> Result<oneshot::Receiver<()>, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::thread)?;
        let (ended, end) = oneshot::channel();
        let thread = thread::Builder::new().name("engine-heartbeat".to_owned());
        let run = move || {
            runtime.block_on(self.run(stop));
            // The worker may have stopped waiting.
            let _ = ended.send(());
        };
        thread.spawn(run).map_err(Error::thread)?;
        Ok(end)
    }

    async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.beat_forever() => {}
            () = self.look_forever() => {}
            () = self.report_forever() => {}
        }
        self.report_end().await;
        self.link.close().await;
        if let Some(cluster) = &self.cluster {
            cluster.close().await;
        }
    }

    async fn beat_forever(&self) {
        let mut backoff = Backoff::new(RETRY);
        let mut beaten_at = Instant::now();
        // Workers that started at the same time do not beat at the same time.
        let mut share = rand::random_range(0.8..=1.0);
        loop {
            let Some((due, interval)) = self.held.next_beat(share) else {
                self.held.changed().await;
                continue;
            };
            tokio::select! {
                () = self.held.changed() => continue,
                () = sleep_until(due.max(beaten_at + MIN_PAUSE)) => {}
            }
            let limit = interval.max(MIN_ANSWER_TIME).min(self.call_timeout);
            match self.beat(self.held.runs(), limit).await {
                Ok(()) => {
                    backoff.reset();
                    share = rand::random_range(0.8..=1.0);
                }
                Err(error) => {
                    metric::beat_failed(self.held.node());
                    tracing::warn!(%error, "heartbeat failed, repeats it");
                    sleep(backoff.pause().min(interval)).await;
                }
            }
            beaten_at = Instant::now();
        }
    }

    /// Checks whether runs have moved on, more often than they are kept by beats: a cancelled run should stop
    /// soon. Waits forever if the role lacks the right to check; then beats notice it, later.
    async fn look_forever(&self) {
        loop {
            sleep(LOOK_INTERVAL).await;
            match self.look().await {
                Ok(()) => {}
                Err(error) if error.is_lasting() => {
                    tracing::warn!(%error, "cancels reach handlers only with the next beat");
                    return std::future::pending().await;
                }
                Err(error) => tracing::debug!(%error, "cannot check whether runs have moved on"),
            }
        }
    }

    async fn look(&self) -> Result<(), Error> {
        let runs = self.held.runs();
        if runs.is_empty() {
            return Ok(());
        }
        let connection = self.link.connection().await?;
        for runs in runs.chunks(RUNS_PER_BEAT) {
            let known: Vec<(RunId, SnapshotId)> = runs.iter().map(|run| run.at()).collect();
            let engine = connection.engine();
            let call = engine.moved(&known);
            let limit = self.call_timeout;
            let moved = self.link.answer_within(limit, &connection, call).await?;
            if moved.is_empty() {
                continue;
            }
            let moved: HashSet<RunId> = moved.into_iter().collect();
            let news = runs.iter().zip(&known).filter(|(run, (_, snapshot_id))| {
                moved.contains(&run.run_id) && run.is_news(snapshot_id)
            });
            let news: Vec<Arc<HeldRun>> = news.map(|(run, _)| Arc::clone(run)).collect();
            self.beat(news, limit).await?;
        }
        Ok(())
    }

    /// Beats for these runs; returns the error of one that was refused once it has beaten for the others.
    async fn beat(&self, runs: Vec<Arc<HeldRun>>, limit: Duration) -> Result<(), Error> {
        if runs.is_empty() {
            return Ok(());
        }
        let connection = self.link.connection().await?;
        let mut refused = Ok(());
        for runs in runs.chunks(RUNS_PER_BEAT) {
            let since = Instant::now();
            let known_states: Vec<KnownState> = runs.iter().map(|run| run.known()).collect();
            let sent: Vec<(RunId, SnapshotId)> = runs
                .iter()
                .zip(&known_states)
                .map(|(run, known)| (run.run_id.clone(), known.snapshot_id.clone()))
                .collect();
            let engine = connection.engine().identified_as(&self.identity);
            let call = engine.heartbeat_many(&sent);
            let mut beats = self.link.answer_within(limit, &connection, call).await?;
            self.beat_elsewhere(&sent, &mut beats).await;
            metric::beat_took(self.held.node(), since.elapsed());
            for ((run, known), beat) in runs.iter().zip(&known_states).zip(beats) {
                let snapshot_id = &known.snapshot_id;
                match beat {
                    // Its shard is not here, or is being moved: the run is held until its deadline passes.
                    Err(error) => refused = Err(error),
                    Ok(Some(beat)) if beat.execution.snapshot_id == *snapshot_id => {
                        run.extend(snapshot_id, beat.heartbeat, since);
                    }
                    Ok(beat) if run.is_news(snapshot_id) => {
                        let number = known.attempt_number;
                        let verdict = beat
                            .as_ref()
                            .map_or(Verdict::Lost, |beat| Verdict::of(number, beat));
                        tracing::debug!(run_id = %run.run_id, ?verdict, "the run moved on");
                        let heartbeat = beat.as_ref().and_then(|beat| beat.heartbeat);
                        let latest = beat.map(|beat| beat.execution.snapshot_id);
                        let latest = latest.unwrap_or_else(|| snapshot_id.clone());
                        run.found(snapshot_id, latest, heartbeat, verdict);
                    }
                    Ok(_) => {}
                }
            }
        }
        refused
    }

    /// Beats at their new nodes for the runs whose shards have moved.
    async fn beat_elsewhere(
        &self,
        sent: &[(RunId, SnapshotId)],
        beats: &mut [OfMany<Option<Heartbeat>>],
    ) {
        let Some(cluster) = &self.cluster else {
            return;
        };
        let is_elsewhere = |beat: &OfMany<Option<Heartbeat>>| {
            let error = beat.as_ref().err();
            error.is_some_and(|error| error.kind() == ErrorKind::ShardElsewhere)
        };
        let moved: Vec<usize> = (0..beats.len())
            .filter(|index| is_elsewhere(&beats[*index]))
            .collect();
        if moved.is_empty() {
            return;
        }
        let runs: Vec<(RunId, SnapshotId)> =
            moved.iter().map(|index| sent[*index].clone()).collect();
        for (index, beat) in moved.into_iter().zip(cluster.heartbeat_many(&runs).await) {
            beats[index] = beat;
        }
    }
}
