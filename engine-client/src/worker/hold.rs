//! The runs that a worker holds now: those that wait for a permit, and those that execute.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::held_run::HeldRun;
use super::metric;
use crate::{RunId, SnapshotId};

/// The list for the heartbeat. Not keyed by run, because the same worker may dequeue a lost run again while its
/// first attempt still ends.
#[derive(Debug, Default)]
pub(super) struct HeldRuns {
    node: metric::Node,
    runs: Mutex<HashMap<u64, Arc<HeldRun>>>,
    last: AtomicU64,
    /// Notified when the next beat may have to come sooner.
    changed: Arc<Notify>,
}

impl HeldRuns {
    /// Those of this node.
    pub(super) fn of(node: metric::Node) -> Self {
        Self {
            node,
            ..Self::default()
        }
    }

    /// The node that has the runs.
    pub(super) fn node(&self) -> &metric::Node {
        &self.node
    }

    /// Holds a run until the guard is dropped. `heartbeat` is counted from `since`.
    pub(super) fn hold(
        self: &Arc<Self>,
        run_id: RunId,
        snapshot_id: SnapshotId,
        heartbeat: Duration,
        since: Instant,
    ) -> Hold {
        let changed = Arc::clone(&self.changed);
        let run = HeldRun::new(run_id, snapshot_id, heartbeat, since, changed);
        let run = Arc::new(run);
        let serial = self.last.fetch_add(1, Ordering::Relaxed);
        self.entries().insert(serial, Arc::clone(&run));
        self.changed.notify_one();
        metric::held(&self.node);
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

    /// Number of held runs.
    pub(super) fn len(&self) -> usize {
        self.entries().len()
    }

    /// When the next beat is due, for the run with the earliest deadline, and the time limit of its answer; none
    /// if no run is held. `share` is the fraction of the usual interval to wait.
    pub(super) fn next_beat(&self, share: f64) -> Option<(Instant, Duration)> {
        let entries = self.entries();
        entries.values().map(|run| run.next_beat(share)).min()
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
    held: Arc<HeldRuns>,
    serial: u64,
    run: Arc<HeldRun>,
}

impl Hold {
    /// The run, for tasks that may outlive the guard.
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
        metric::left(&self.held.node);
        self.held.entries().remove(&self.serial);
        self.run.release();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep_until;

    use super::*;
    use crate::worker::held_run::Verdict;

    fn hold(held: &Arc<HeldRuns>, snapshot_id: &str, seconds: u64) -> Hold {
        let heartbeat = Duration::from_secs(seconds);
        held.hold("r".into(), snapshot_id.into(), heartbeat, Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn the_shortest_deadline_sets_the_beat() {
        let held = Arc::new(HeldRuns::default());
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
        let held = Arc::new(HeldRuns::default());
        let (first, second) = (hold(&held, "s1", 60), hold(&held, "s2", 60));
        first.found(&"s1".into(), "s3".into(), None, Verdict::Lost);
        assert_eq!(first.called_off().await, Verdict::Lost);
        assert_eq!(second.verdict(), Verdict::Held);
    }

    #[tokio::test]
    async fn what_our_own_calls_do_is_no_news() {
        let held = Arc::new(HeldRuns::default());
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
        let held = Arc::new(HeldRuns::default());
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
        let held = Arc::new(HeldRuns::default());
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
