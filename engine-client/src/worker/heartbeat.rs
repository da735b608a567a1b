//! The heartbeat of all held runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::held::Held;
use crate::backoff::{Backoff, BackoffRange};
use crate::link::Link;
use crate::{Error, Identity};

/// The most runs in one statement: the default of the server's `engine.max_batch`.
const RUNS_PER_BEAT: usize = 1000;

/// The least time for an answer, so that very short deadlines do not cut a healthy connection.
const MIN_ANSWER_TIME: Duration = Duration::from_secs(1);

/// Pauses after a beat that failed.
const RETRY: BackoffRange = BackoffRange {
    min: Duration::from_millis(50),
    max: Duration::from_secs(1),
};

/// Beats for every held run, in one statement, on a connection of its own: nothing else can delay it.
#[derive(Debug)]
pub(super) struct HeartbeatLoop {
    pub(super) held: Arc<Held>,
    pub(super) link: Link,
    pub(super) identity: Identity,
    /// The longest wait for an answer.
    pub(super) call_timeout: Duration,
}

impl HeartbeatLoop {
    pub(super) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.beat_forever() => {}
        }
        self.link.close().await;
    }

    async fn beat_forever(&self) {
        let mut backoff = Backoff::new(RETRY);
        let mut beaten_at = Instant::now();
        loop {
            let Some(interval) = self.held.beat_interval() else {
                self.held.changed().await;
                beaten_at = Instant::now();
                continue;
            };
            tokio::select! {
                () = self.held.changed() => continue,
                () = sleep_until(beaten_at + interval) => {}
            }
            let now = Instant::now();
            match self.beat(interval).await {
                Ok(()) => {
                    beaten_at = now;
                    backoff.reset();
                }
                Err(error) => {
                    tracing::warn!(%error, "heartbeat failed, will repeat it");
                    sleep(backoff.pause().min(interval)).await;
                }
            }
        }
    }

    async fn beat(&self, interval: Duration) -> Result<(), Error> {
        let connection = self.link.connection().await?;
        let limit = interval.max(MIN_ANSWER_TIME).min(self.call_timeout);
        for runs in self.held.runs().chunks(RUNS_PER_BEAT) {
            let since = Instant::now();
            let engine = connection.engine().identified_as(&self.identity);
            let call = engine.heartbeat_many(runs);
            let beats = self.link.answer_within(limit, &connection, call).await?;
            for ((run_id, snapshot_id), beat) in runs.iter().zip(beats) {
                match beat {
                    Some(beat) if beat.execution.snapshot_id == *snapshot_id => {
                        self.held.extend(snapshot_id, beat.heartbeat, since);
                    }
                    _ => {
                        tracing::debug!(%run_id, %snapshot_id, "the run moved on");
                        self.held.lose(snapshot_id);
                    }
                }
            }
        }
        Ok(())
    }
}
