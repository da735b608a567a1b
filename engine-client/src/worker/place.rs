//! A run that a worker holds, and where it knows the run to be.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{ExecutionStatus, Heartbeat, RunId, SnapshotId};

/// Beats per heartbeat deadline: two may fail before a run stalls.
const BEATS_PER_DEADLINE: u32 = 3;

/// Between beats of runs that have no deadline.
const LONGEST_INTERVAL: Duration = Duration::from_secs(20);

/// A run and where this worker knows it to be.
#[derive(Debug)]
pub(super) struct HeldRun {
    pub(super) run_id: RunId,
    place: watch::Sender<Place>,
    changed: Arc<Notify>,
    /// Cancelled when the run is not to be executed here any more.
    called_off: CancellationToken,
}

/// Where a run is, as far as its worker knows.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The latest snapshot.
    pub(super) snapshot_id: SnapshotId,
    /// The attempt that executes; none before its start.
    pub(super) attempt_number: Option<i32>,
    /// The time within which beats must come; none if the run's status has no deadline.
    pub(super) heartbeat: Option<Duration>,
    /// When the last call was sent that moved the deadline.
    beaten_at: Instant,
    /// Calls of ours under way that write a new snapshot.
    moves: u32,
    verdict: Verdict,
}

/// What the heartbeat has found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The run is this worker's.
    Held,
    /// It is, and somebody wants it to stop.
    CancelRequested,
    /// It was suspended by this worker, and comes through its queue when it goes on.
    Suspended,
    /// It is not, any more.
    Lost,
}

impl Verdict {
    /// What it means for the holder of a run, who executes this attempt, that the run is where a beat says.
    pub(super) fn of(attempt_number: Option<i32>, beat: &Heartbeat) -> Self {
        let execution = &beat.execution;
        let is_ours = attempt_number.is_some() && attempt_number == execution.attempt_number;
        match execution.execution_status {
            ExecutionStatus::PendingCancel => Self::CancelRequested,
            // What it waited for is there: it goes on.
            ExecutionStatus::Executing | ExecutionStatus::ExecutingWithWaitpoints if is_ours => {
                Self::Held
            }
            _ => Self::Lost,
        }
    }
}

impl Place {
    fn deadline(&self) -> Option<Instant> {
        Some(self.beaten_at + self.heartbeat?)
    }
}

/// While it lives, another snapshot is likely our own doing, and says nothing.
#[derive(Debug)]
pub(super) struct Moving<'a>(&'a HeldRun);

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.place.send_modify(|place| place.moves -= 1);
    }
}

impl HeldRun {
    /// A run that was dequeued by a call sent at `since`. `changed` is told when its deadline may come sooner.
    pub(super) fn new(
        run_id: RunId,
        snapshot_id: SnapshotId,
        heartbeat: Duration,
        since: Instant,
        changed: Arc<Notify>,
    ) -> Self {
        let place = Place {
            snapshot_id,
            attempt_number: None,
            heartbeat: Some(heartbeat),
            beaten_at: since,
            moves: 0,
            verdict: Verdict::Held,
        };
        Self {
            run_id,
            place: watch::Sender::new(place),
            changed,
            called_off: CancellationToken::new(),
        }
    }

    /// When the next beat is due if `share` of the usual interval is waited for, and that interval.
    pub(super) fn next_beat(&self, share: f64) -> (Instant, Duration) {
        let place = self.place.borrow();
        let interval = place
            .heartbeat
            .map(|heartbeat| heartbeat / BEATS_PER_DEADLINE);
        let interval = interval.unwrap_or(LONGEST_INTERVAL);
        (place.beaten_at + interval.mul_f64(share), interval)
    }

    /// The worker holds it no more.
    pub(super) fn release(&self) {
        self.called_off.cancel();
    }

    /// Where the run is.
    pub(super) fn place(&self) -> Place {
        self.place.borrow().clone()
    }

    pub(super) fn snapshot_id(&self) -> SnapshotId {
        self.place.borrow().snapshot_id.clone()
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.place.borrow().verdict
    }

    /// A token for one attempt, cancelled with the run.
    pub(super) fn token(&self) -> CancellationToken {
        self.called_off.child_token()
    }

    /// The run and its latest snapshot, for a call.
    pub(super) fn at(&self) -> (RunId, SnapshotId) {
        (self.run_id.clone(), self.place.borrow().snapshot_id.clone())
    }

    /// When the heartbeat deadline passes; none if the run's status has none.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.place.borrow().deadline()
    }

    /// Changes of the place, for whoever waits for the run to go on.
    pub(super) fn places(&self) -> watch::Receiver<Place> {
        self.place.subscribe()
    }

    /// The run went on to this snapshot by a call of ours that was sent at `since`, or by what it waited for.
    pub(super) fn moved(
        &self,
        snapshot_id: SnapshotId,
        attempt_number: Option<i32>,
        heartbeat: Option<Duration>,
        since: Instant,
    ) {
        self.place.send_modify(|place| {
            place.snapshot_id = snapshot_id;
            place.attempt_number = attempt_number;
            place.heartbeat = heartbeat;
            place.beaten_at = since;
        });
        self.changed.notify_one();
    }

    /// Announces a call that writes a new snapshot.
    pub(super) fn moving(&self) -> Moving<'_> {
        self.place.send_modify(|place| place.moves += 1);
        Moving(self)
    }

    /// The server took a beat with `sent` that was sent at `since`. Without a new `heartbeat` the last one
    /// counts.
    pub(super) fn extend(&self, sent: &SnapshotId, heartbeat: Option<Duration>, since: Instant) {
        self.place.send_if_modified(|place| {
            let is_latest = place.snapshot_id == *sent;
            if is_latest {
                place.heartbeat = heartbeat.or(place.heartbeat);
                place.beaten_at = since;
            }
            is_latest
        });
    }

    /// Whether a beat with `sent` that found another snapshot says something: not if a call of ours moves the
    /// run, or has moved it.
    pub(super) fn is_news(&self, sent: &SnapshotId) -> bool {
        let place = self.place.borrow();
        place.snapshot_id == *sent && place.moves == 0
    }

    /// Somebody else moved the run from `sent` on.
    pub(super) fn found(
        &self,
        sent: &SnapshotId,
        snapshot_id: SnapshotId,
        heartbeat: Option<Duration>,
        verdict: Verdict,
    ) {
        self.place.send_if_modified(|place| {
            let is_news = place.snapshot_id == *sent && place.moves == 0;
            if is_news {
                place.snapshot_id = snapshot_id;
                // It counts from that move, which came after the last beat.
                place.heartbeat = heartbeat;
                place.verdict = verdict;
            }
            is_news
        });
        if self.verdict() != Verdict::Held {
            self.called_off.cancel();
        }
    }

    /// This worker is done with the run, by a call of its own.
    pub(super) fn conclude(&self, verdict: Verdict) {
        self.place.send_modify(|place| place.verdict = verdict);
        self.called_off.cancel();
    }

    /// Waits until the run is not this worker's any more, or is to stop.
    pub(super) async fn called_off(&self) -> Verdict {
        let mut places = self.place.subscribe();
        match places
            .wait_for(|place| place.verdict != Verdict::Held)
            .await
        {
            Ok(place) => place.verdict,
            // Its sender is ours.
            Err(_) => Verdict::Lost,
        }
    }

    /// Waits until the heartbeat deadline has passed: from then on another worker may own the run.
    pub(super) async fn deadline_passed(&self) {
        let mut places = self.place.subscribe();
        loop {
            let deadline = places.borrow_and_update().deadline();
            let passed = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = passed => return,
                _ = places.changed() => {}
            }
        }
    }
}
