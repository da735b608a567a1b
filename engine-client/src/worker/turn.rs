//! Whose turn it is to execute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for handlers: of the worker, and of each task that has a limit of its own.
#[derive(Debug)]
pub(super) struct Turns {
    worker: Arc<Semaphore>,
    tasks: HashMap<String, Arc<Semaphore>>,
}

/// A handler's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _task: Option<OwnedSemaphorePermit>,
    _worker: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(super) fn new(
        concurrency: usize,
        tasks: impl IntoIterator<Item = (String, usize)>,
    ) -> Self {
        let places = |count: usize| Arc::new(Semaphore::new(to_permits(count)));
        Self {
            worker: places(concurrency),
            tasks: tasks
                .into_iter()
                .map(|(task, count)| (task, places(count)))
                .collect(),
        }
    }

    /// Waits for a place, first among the runs of the task: one that waits there takes none of the worker's.
    pub(super) async fn take(&self, task: &str) -> Turn {
        let task = match self.tasks.get(task) {
            Some(places) => Arc::clone(places).acquire_owned().await.ok(),
            None => None,
        };
        Turn {
            _task: task,
            _worker: Arc::clone(&self.worker).acquire_owned().await.ok(),
        }
    }
}

/// What a run occupies in this worker: a permit from its dequeue on, and a turn while it executes.
#[derive(Debug)]
pub(super) struct Seat {
    turns: Arc<Turns>,
    taken: Mutex<(Option<OwnedSemaphorePermit>, Option<Turn>)>,
}

impl Seat {
    pub(super) fn new(turns: Arc<Turns>, permit: Option<OwnedSemaphorePermit>) -> Self {
        let taken = Mutex::new((permit, None));
        Self { turns, taken }
    }

    /// Waits for a turn.
    pub(super) async fn take_turn(&self, task: &str) {
        let turn = self.turns.take(task).await;
        self.taken().1 = Some(turn);
    }

    /// Lets another run execute until the next turn.
    pub(super) fn end_turn(&self) {
        self.taken().1 = None;
    }

    /// Lets the worker dequeue another run for good: otherwise runs that wait for others could keep those
    /// from being dequeued.
    pub(super) fn leave(&self) {
        *self.taken() = (None, None);
    }

    /// Nothing can panic while it is locked.
    fn taken(&self) -> MutexGuard<'_, (Option<OwnedSemaphorePermit>, Option<Turn>)> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At least one, and no more than there can be.
pub(super) fn to_permits(count: usize) -> usize {
    count.clamp(1, Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_free(turns: &Turns, task: &str) -> bool {
        timeout(Duration::from_millis(1), turns.take(task))
            .await
            .is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_full_leaves_the_places_of_others_free() {
        let turns = Turns::new(2, [("slow".to_owned(), 1)]);
        let slow = turns.take("slow").await;
        assert!(!is_free(&turns, "slow").await);
        let fast = turns.take("fast").await;
        assert!(!is_free(&turns, "fast").await, "the worker is full");
        drop(fast);
        assert!(is_free(&turns, "fast").await);
        drop(slow);
        assert!(is_free(&turns, "slow").await);
    }
}
