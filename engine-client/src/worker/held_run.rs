//! A run that a worker holds, and the last state that the worker knows.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{ExecutionStatus, Heartbeat, RunId, SnapshotId};

/// Beats per heartbeat deadline: two may fail before a run stalls.
const BEATS_PER_DEADLINE: u32 = 3;

/// Time between beats of runs without a deadline.
const LONGEST_INTERVAL: Duration = Duration::from_secs(20);

/// A held run with its last known state.
#[derive(Debug)]
pub(super) struct HeldRun {
    pub(super) run_id: RunId,
    known: watch::Sender<KnownState>,
    changed: Arc<Notify>,
    /// Cancelled when this worker must not execute the run any more.
    called_off: CancellationToken,
}

/// The last state of a run that its worker knows.
#[derive(Debug, Clone)]
pub(super) struct KnownState {
    /// The latest snapshot.
    pub(super) snapshot_id: SnapshotId,
    /// Number of the executing attempt; none before its start.
    pub(super) attempt_number: Option<i32>,
    /// Time within which beats must come; none if the run's status has no deadline.
    pub(super) heartbeat: Option<Duration>,
    /// When the last call that moved the deadline was sent.
    beaten_at: Instant,
    /// Pending calls of ours that write a new snapshot.
    moves: u32,
    verdict: Verdict,
}

/// What the heartbeat has learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The run is this worker's.
    Held,
    /// The run is this worker's, and is to stop.
    CancelRequested,
    /// This worker suspended the run, which continues through its queue.
    Suspended,
    /// The run is not this worker's any more.
    Lost,
}

impl Verdict {
    /// The meaning of a beat's answer for a worker that executes this attempt.
    pub(super) fn of(attempt_number: Option<i32>, beat: &Heartbeat) -> Self {
        let execution = &beat.execution;
        let is_ours = attempt_number.is_some() && attempt_number == execution.attempt_number;
        match execution.execution_status {
            ExecutionStatus::PendingCancel => Self::CancelRequested,
            // What it waited for is completed: it continues.
            ExecutionStatus::Executing | ExecutionStatus::ExecutingWithWaitpoints if is_ours => {
                Self::Held
            }
            _ => Self::Lost,
        }
    }
}

impl KnownState {
    fn deadline(&self) -> Option<Instant> {
        Some(self.beaten_at + self.heartbeat?)
    }
}

/// While this value lives, another snapshot is probably our own doing, and means nothing.
#[derive(Debug)]
pub(super) struct Moving<'a>(&'a HeldRun);

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.known.send_modify(|known| known.moves -= 1);
    }
}

impl HeldRun {
    /// A run that was dequeued by a call sent at `since`. `changed` is notified when its deadline may come sooner.
    pub(super) fn new(
        run_id: RunId,
        snapshot_id: SnapshotId,
        heartbeat: Duration,
        since: Instant,
        changed: Arc<Notify>,
    ) -> Self {
        let known = KnownState {
            snapshot_id,
            attempt_number: None,
            heartbeat: Some(heartbeat),
            beaten_at: since,
            moves: 0,
            verdict: Verdict::Held,
        };
        Self {
            run_id,
            known: watch::Sender::new(known),
            changed,
            called_off: CancellationToken::new(),
        }
    }

    /// When the next beat is due after `share` of the usual interval, and that interval.
    pub(super) fn next_beat(&self, share: f64) -> (Instant, Duration) {
        let known = self.known.borrow();
        let interval = known
            .heartbeat
            .map(|heartbeat| heartbeat / BEATS_PER_DEADLINE);
        let interval = interval.unwrap_or(LONGEST_INTERVAL);
        (known.beaten_at + interval.mul_f64(share), interval)
    }

    /// The worker no longer holds it.
    pub(super) fn release(&self) {
        self.called_off.cancel();
    }

    /// The last known state.
    pub(super) fn known(&self) -> KnownState {
        self.known.borrow().clone()
    }

    pub(super) fn snapshot_id(&self) -> SnapshotId {
        self.known.borrow().snapshot_id.clone()
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.known.borrow().verdict
    }

    /// A token for one attempt, cancelled with the run.
    pub(super) fn token(&self) -> CancellationToken {
        self.called_off.child_token()
    }

    /// The run and its latest snapshot, for a call.
    pub(super) fn at(&self) -> (RunId, SnapshotId) {
        (self.run_id.clone(), self.known.borrow().snapshot_id.clone())
    }

    /// When the heartbeat deadline passes; none if the run's status has none.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.known.borrow().deadline()
    }

    /// Changes of the state, for a handler that waits for the run to continue.
    pub(super) fn changes(&self) -> watch::Receiver<KnownState> {
        self.known.subscribe()
    }

    /// The run moved to this snapshot by a call of ours that was sent at `since`, or by the end of its wait.
    pub(super) fn moved(
        &self,
        snapshot_id: SnapshotId,
        attempt_number: Option<i32>,
        heartbeat: Option<Duration>,
        since: Instant,
    ) {
        self.known.send_modify(|known| {
            known.snapshot_id = snapshot_id;
            known.attempt_number = attempt_number;
            known.heartbeat = heartbeat;
            known.beaten_at = since;
        });
        self.changed.notify_one();
    }

    /// Announces a call that writes a new snapshot.
    pub(super) fn moving(&self) -> Moving<'_> {
        self.known.send_modify(|known| known.moves += 1);
        Moving(self)
    }

    /// The server accepted a beat with `sent` that was sent at `since`. Without a new `heartbeat` the last one
    /// applies.
    pub(super) fn extend(&self, sent: &SnapshotId, heartbeat: Option<Duration>, since: Instant) {
        self.known.send_if_modified(|known| {
            let is_latest = known.snapshot_id == *sent;
            if is_latest {
                known.heartbeat = heartbeat.or(known.heartbeat);
                known.beaten_at = since;
            }
            is_latest
        });
    }

    /// Whether a beat with `sent` that found another snapshot is news: not if a call of ours moves the run, or has
    /// moved it.
    pub(super) fn is_news(&self, sent: &SnapshotId) -> bool {
        let known = self.known.borrow();
        known.snapshot_id == *sent && known.moves == 0
    }

    /// Another party moved the run on from `sent`.
    pub(super) fn found(
        &self,
        sent: &SnapshotId,
        snapshot_id: SnapshotId,
        heartbeat: Option<Duration>,
        verdict: Verdict,
    ) {
        self.known.send_if_modified(|known| {
            let is_news = known.snapshot_id == *sent && known.moves == 0;
            if is_news {
                known.snapshot_id = snapshot_id;
                // The deadline counts from that move, which came after the last beat.
                known.heartbeat = heartbeat;
                known.verdict = verdict;
            }
            is_news
        });
        if self.verdict() != Verdict::Held {
            self.called_off.cancel();
        }
    }

    /// This worker has finished with the run, by a call of its own.
    pub(super) fn conclude(&self, verdict: Verdict) {
        self.known.send_modify(|known| known.verdict = verdict);
        self.called_off.cancel();
    }

    /// Waits until the run is not this worker's any more, or is to stop.
    pub(super) async fn called_off(&self) -> Verdict {
        let mut changes = self.known.subscribe();
        match changes
            .wait_for(|known| known.verdict != Verdict::Held)
            .await
        {
            Ok(known) => known.verdict,
            // Its sender is ours.
            Err(_) => Verdict::Lost,
        }
    }

    /// Waits until the heartbeat deadline has passed: from then on another worker may own the run.
    pub(super) async fn deadline_passed(&self) {
        let mut changes = self.known.subscribe();
        loop {
            let deadline = changes.borrow_and_update().deadline();
            let passed = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = passed => return,
                _ = changes.changed() => {}
            }
        }
    }
}
