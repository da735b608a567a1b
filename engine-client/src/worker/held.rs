//! The runs that a worker holds at this moment: those that wait for their turn, and those that execute.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{RunId, SnapshotId};

/// Beats per heartbeat deadline: two may fail before a run stalls.
const BEATS_PER_DEADLINE: u32 = 3;

/// Between beats of runs that have no deadline.
const LONGEST_INTERVAL: Duration = Duration::from_secs(20);

/// The list that the heartbeat goes by. Not kept by run, because one that was lost may be dequeued again by the
/// same worker while its first attempt still ends.
#[derive(Debug, Default)]
pub(super) struct Held {
    runs: Mutex<HashMap<u64, Arc<HeldRun>>>,
    last: AtomicU64,
    /// Told when the next beat may have to come sooner.
    changed: Arc<Notify>,
}

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

impl Place {
    fn deadline(&self) -> Option<Instant> {
        Some(self.beaten_at + self.heartbeat?)
    }
}

impl Held {
    /// Holds a run until the guard is dropped. `heartbeat` counts from `since`.
    pub(super) fn hold(
        self: &Arc<Self>,
        run_id: RunId,
        snapshot_id: SnapshotId,
        heartbeat: Duration,
        since: Instant,
    ) -> Hold {
        let place = Place {
            snapshot_id,
            attempt_number: None,
            heartbeat: Some(heartbeat),
            beaten_at: since,
            moves: 0,
            verdict: Verdict::Held,
        };
        let run = Arc::new(HeldRun {
            run_id,
            place: watch::Sender::new(place),
            changed: Arc::clone(&self.changed),
            called_off: CancellationToken::new(),
        });
        let serial = self.last.fetch_add(1, Ordering::Relaxed);
        self.entries().insert(serial, Arc::clone(&run));
        self.changed.notify_one();
        Hold {
            held: Arc::clone(self),
            serial,
            run,
        }
    }

    /// All held runs.
    pub(super) fn runs(&self) -> Vec<Arc<HeldRun>> {
        self.entries().values().cloned().collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    /// When the next beat is due, for the run whose deadline asks for it first, and how long an answer may
    /// take; none if no run is held. `share` of the usual interval is waited for.
    pub(super) fn next_beat(&self, share: f64) -> Option<(Instant, Duration)> {
        let entries = self.entries();
        let due = entries.values().map(|run| {
            let place = run.place.borrow();
            let interval = place
                .heartbeat
                .map(|heartbeat| heartbeat / BEATS_PER_DEADLINE);
            let interval = interval.unwrap_or(LONGEST_INTERVAL);
            (place.beaten_at + interval.mul_f64(share), interval)
        });
        due.min()
    }

    /// Waits until the next beat may have to come sooner.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A panic elsewhere cannot leave the map half changed.
    fn entries(&self) -> MutexGuard<'_, HashMap<u64, Arc<HeldRun>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guard of a held run; dropping it ends its heartbeats.
#[derive(Debug)]
pub(super) struct Hold {
    held: Arc<Held>,
    serial: u64,
    run: Arc<HeldRun>,
}

impl Hold {
    /// The run, for those that may outlive the guard.
    pub(super) fn run(&self) -> Arc<HeldRun> {
        Arc::clone(&self.run)
    }
}

impl Deref for Hold {
    type Target = HeldRun;

    fn deref(&self) -> &HeldRun {
        &self.run
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.entries().remove(&self.serial);
        self.run.called_off.cancel();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(held: &Arc<Held>, snapshot_id: &str, seconds: u64) -> Hold {
        let heartbeat = Duration::from_secs(seconds);
        held.hold("r".into(), snapshot_id.into(), heartbeat, Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn the_shortest_deadline_sets_the_beat() {
        let held = Arc::new(Held::default());
        assert_eq!(held.next_beat(1.0), None);
        let start = Instant::now();
        let _long = hold(&held, "s1", 60);
        let short = hold(&held, "s2", 9);
        let three = Duration::from_secs(3);
        assert_eq!(held.next_beat(1.0), Some((start + three, three)));
        assert_eq!(held.next_beat(0.5), Some((start + three / 2, three)));
        drop(short);
        let twenty = Duration::from_secs(20);
        assert_eq!(held.next_beat(1.0), Some((start + twenty, twenty)));
    }

    #[tokio::test]
    async fn only_the_run_that_moved_on_is_called_off() {
        let held = Arc::new(Held::default());
        let (first, second) = (hold(&held, "s1", 60), hold(&held, "s2", 60));
        first.found(&"s1".into(), "s3".into(), None, Verdict::Lost);
        assert_eq!(first.called_off().await, Verdict::Lost);
        assert_eq!(second.verdict(), Verdict::Held);
    }

    #[tokio::test]
    async fn what_our_own_calls_do_is_no_news() {
        let held = Arc::new(Held::default());
        let run = hold(&held, "s1", 60);
        let moving = run.moving();
        run.found(&"s1".into(), "s2".into(), None, Verdict::Lost);
        assert_eq!(run.verdict(), Verdict::Held);
        run.moved("s2".into(), Some(1), None, Instant::now());
        drop(moving);
        assert!(!run.is_news(&"s1".into()) && run.is_news(&"s2".into()));
        run.found(&"s1".into(), "s2".into(), None, Verdict::Lost);
        assert_eq!(run.verdict(), Verdict::Held);
        run.found(&"s2".into(), "s3".into(), None, Verdict::CancelRequested);
        assert_eq!(run.called_off().await, Verdict::CancelRequested);
        assert_eq!(run.snapshot_id(), "s3".into());
    }

    #[tokio::test(start_paused = true)]
    async fn a_beat_moves_the_deadline() {
        let held = Arc::new(Held::default());
        let start = Instant::now();
        let run = hold(&held, "s1", 60);
        let beat = async {
            sleep_until(start + Duration::from_secs(50)).await;
            run.extend(&"s1".into(), None, Instant::now());
        };
        tokio::join!(beat, run.deadline_passed());
        assert_eq!(start.elapsed().as_secs(), 110);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_deadline_counts_from_the_last_beat() {
        let held = Arc::new(Held::default());
        let start = Instant::now();
        let run = hold(&held, "s1", 60);
        let found = async {
            sleep_until(start + Duration::from_secs(5)).await;
            let shorter = Some(Duration::from_secs(10));
            run.found(&"s1".into(), "s2".into(), shorter, Verdict::CancelRequested);
        };
        tokio::join!(found, run.deadline_passed());
        assert_eq!(start.elapsed().as_secs(), 10);
    }
}
