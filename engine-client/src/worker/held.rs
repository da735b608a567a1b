//! The runs that a worker executes at this moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{RunId, SnapshotId};

/// Beats per heartbeat deadline: two may fail before a run stalls.
const BEATS_PER_DEADLINE: u32 = 3;

/// The list that the heartbeat goes by. Kept by snapshot, because a run that was lost may be dequeued
/// again by the same worker while its first attempt still ends.
#[derive(Debug, Default)]
pub(super) struct Held {
    entries: Mutex<HashMap<SnapshotId, Entry>>,
    /// Told when the next beat may have to come sooner.
    changed: Notify,
}

#[derive(Debug)]
struct Entry {
    run_id: RunId,
    heartbeat: Duration,
    deadline: watch::Sender<Instant>,
    lost: CancellationToken,
}

impl Held {
    /// Holds a run until the guard is dropped. `heartbeat` counts from `since`.
    pub(super) fn hold(
        self: &Arc<Self>,
        run_id: RunId,
        snapshot_id: SnapshotId,
        heartbeat: Duration,
        since: Instant,
    ) -> HeldRun {
        let (deadline, watched_deadline) = watch::channel(since + heartbeat);
        let lost = CancellationToken::new();
        let entry = Entry {
            run_id: run_id.clone(),
            heartbeat,
            deadline,
            lost: lost.clone(),
        };
        let is_sooner = {
            let mut entries = self.entries();
            let shortest = shortest(&entries);
            entries.insert(snapshot_id.clone(), entry);
            shortest.is_none_or(|shortest| heartbeat < shortest)
        };
        if is_sooner {
            self.changed.notify_one();
        }
        HeldRun {
            held: Arc::clone(self),
            run_id,
            snapshot_id,
            deadline: watched_deadline,
            lost,
        }
    }

    pub(super) fn runs(&self) -> Vec<(RunId, SnapshotId)> {
        self.entries()
            .iter()
            .map(|(snapshot_id, entry)| (entry.run_id.clone(), snapshot_id.clone()))
            .collect()
    }

    /// The time between beats that the shortest deadline asks for; none if no run is held.
    pub(super) fn beat_interval(&self) -> Option<Duration> {
        shortest(&self.entries()).map(|shortest| shortest / BEATS_PER_DEADLINE)
    }

    /// Waits until the next beat may have to come sooner.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The server took a beat that was sent at `since`. Without a new `heartbeat` the last one counts.
    pub(super) fn extend(
        &self,
        snapshot_id: &SnapshotId,
        heartbeat: Option<Duration>,
        since: Instant,
    ) {
        if let Some(entry) = self.entries().get_mut(snapshot_id) {
            entry.heartbeat = heartbeat.unwrap_or(entry.heartbeat);
            entry.deadline.send_replace(since + entry.heartbeat);
        }
    }

    /// The run moved on from this snapshot.
    pub(super) fn lose(&self, snapshot_id: &SnapshotId) {
        if let Some(entry) = self.entries().get(snapshot_id) {
            entry.lost.cancel();
        }
    }

    /// A panic elsewhere cannot leave the map half changed.
    fn entries(&self) -> MutexGuard<'_, HashMap<SnapshotId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shortest(entries: &HashMap<SnapshotId, Entry>) -> Option<Duration> {
    entries.values().map(|entry| entry.heartbeat).min()
}

/// One held run; dropping it ends its heartbeats.
#[derive(Debug)]
pub(super) struct HeldRun {
    held: Arc<Held>,
    pub(super) run_id: RunId,
    pub(super) snapshot_id: SnapshotId,
    deadline: watch::Receiver<Instant>,
    lost: CancellationToken,
}

impl HeldRun {
    /// Waits until a heartbeat is told that the run moved on.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Waits until the heartbeat deadline has passed: from then on another worker may own the run.
    pub(super) async fn deadline_passed(&self) {
        loop {
            let deadline = *self.deadline.borrow();
            sleep_until(deadline).await;
            if *self.deadline.borrow() <= deadline {
                return;
            }
        }
    }
}

impl Drop for HeldRun {
    fn drop(&mut self) {
        self.held.entries().remove(&self.snapshot_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(held: &Arc<Held>, snapshot_id: &str, seconds: u64) -> HeldRun {
        let heartbeat = Duration::from_secs(seconds);
        held.hold("r".into(), snapshot_id.into(), heartbeat, Instant::now())
    }

    #[tokio::test]
    async fn the_shortest_deadline_sets_the_beat() {
        let held = Arc::new(Held::default());
        assert_eq!(held.beat_interval(), None);
        let _long = hold(&held, "s1", 60);
        let short = hold(&held, "s2", 9);
        assert_eq!(held.beat_interval(), Some(Duration::from_secs(3)));
        drop(short);
        assert_eq!(held.beat_interval(), Some(Duration::from_secs(20)));
    }

    #[tokio::test]
    async fn only_the_snapshot_that_moved_on_is_lost() {
        let held = Arc::new(Held::default());
        let first = hold(&held, "s1", 60);
        let second = hold(&held, "s2", 60);
        held.lose(&"s1".into());
        first.lost().await;
        assert!(!second.lost.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_beat_moves_the_deadline() {
        let held = Arc::new(Held::default());
        let start = Instant::now();
        let run = hold(&held, "s1", 60);
        let beat = async {
            sleep_until(start + Duration::from_secs(50)).await;
            held.extend(&"s1".into(), None, Instant::now());
        };
        tokio::join!(beat, run.deadline_passed());
        assert_eq!(start.elapsed().as_secs(), 110);
    }
}
