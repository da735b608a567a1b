//! Permits of handlers: which runs may execute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits for handlers: of the worker, and of each task with a limit of its own.
#[derive(Debug)]
pub(super) struct HandlerPermits {
    worker: Arc<Semaphore>,
    tasks: HashMap<String, Arc<Semaphore>>,
}

/// A handler's permit, returned when dropped.
#[derive(Debug)]
pub(super) struct HandlerPermit {
    _task: Option<OwnedSemaphorePermit>,
    _worker: Option<OwnedSemaphorePermit>,
}

/// Permits for handlers of runs whose tasks are not known yet: enough for any tasks. Those that are left are returned when
/// it is dropped.
#[derive(Debug, Default)]
pub(super) struct Room {
    worker: Option<OwnedSemaphorePermit>,
    tasks: HashMap<String, OwnedSemaphorePermit>,
}

impl Room {
    /// How many runs can execute at once, whatever their tasks are.
    pub(super) fn runs(&self) -> usize {
        self.worker
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// The permit of a handler of this task.
    pub(super) fn take(&mut self, task: &str) -> Option<HandlerPermit> {
        Some(HandlerPermit {
            _task: self
                .tasks
                .get_mut(task)
                .and_then(|permits| permits.split(1)),
            _worker: Some(self.worker.as_mut()?.split(1)?),
        })
    }
}

impl HandlerPermits {
    pub(super) fn new(
        concurrency: usize,
        tasks: impl IntoIterator<Item = (String, usize)>,
    ) -> Self {
        let semaphore = |count: usize| Arc::new(Semaphore::new(to_permits(count)));
        Self {
            worker: semaphore(concurrency),
            tasks: tasks
                .into_iter()
                .map(|(task, count)| (task, semaphore(count)))
                .collect(),
        }
    }

    /// Reserves room for up to `most` runs.
    pub(super) fn reserve(&self, most: usize) -> Room {
        let free = self.tasks.values().map(|tasks| tasks.available_permits());
        let runs = free.chain([self.worker.available_permits()]).min();
        let runs = u32::try_from(runs.unwrap_or(0).min(most)).unwrap_or(u32::MAX);
        if runs == 0 {
            return Room::default();
        }
        let take = |permits: &Arc<Semaphore>| Arc::clone(permits).try_acquire_many_owned(runs).ok();
        let mut room = Room {
            worker: take(&self.worker),
            tasks: HashMap::new(),
        };
        for (task, permits) in &self.tasks {
            // A handler was faster.
            let Some(permits) = take(permits) else {
                return Room::default();
            };
            room.tasks.insert(task.clone(), permits);
        }
        room
    }

    /// Waits for a permit, first that of the task: a run that waits for it takes none of the worker's permits.
    pub(super) async fn take(&self, task: &str) -> HandlerPermit {
        let task = match self.tasks.get(task) {
            Some(semaphore) => Arc::clone(semaphore).acquire_owned().await.ok(),
            None => None,
        };
        HandlerPermit {
            _task: task,
            _worker: Arc::clone(&self.worker).acquire_owned().await.ok(),
        }
    }
}

/// What a run occupies in this worker: a worker permit from its dequeue on, and a handler permit while it
/// executes.
#[derive(Debug)]
pub(super) struct Seat {
    permits: Arc<HandlerPermits>,
    taken: Mutex<(Option<OwnedSemaphorePermit>, Option<HandlerPermit>)>,
}

impl Seat {
    pub(super) fn new(
        permits: Arc<HandlerPermits>,
        permit: Option<OwnedSemaphorePermit>,
        handler: Option<HandlerPermit>,
    ) -> Self {
        let taken = Mutex::new((permit, handler));
        Self { permits, taken }
    }

    /// Waits for a handler permit, unless the run has one.
    pub(super) async fn take_handler_permit(&self, task: &str) {
        if self.taken().1.is_some() {
            return;
        }
        let permit = self.permits.take(task).await;
        self.taken().1 = Some(permit);
    }

    /// Lets another run execute until this one takes a permit again.
    pub(super) fn return_handler_permit(&self) {
        self.taken().1 = None;
    }

    /// Gives up everything, and passes the worker's permit on.
    pub(super) fn give_up(&self) -> Option<OwnedSemaphorePermit> {
        std::mem::take(&mut *self.taken()).0
    }

    /// Permanently lets the worker dequeue another run: otherwise runs that wait for others could prevent those
    /// from being dequeued.
    pub(super) fn leave(&self) {
        *self.taken() = (None, None);
    }

    /// Nothing can panic while it is locked.
    fn taken(&self) -> MutexGuard<'_, (Option<OwnedSemaphorePermit>, Option<HandlerPermit>)> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At least one, and at most what a semaphore can hold.
pub(super) fn to_permits(count: usize) -> usize {
    count.clamp(1, Semaphore::MAX_PERMITS)
}

/// Both permits as one.
pub(super) fn merge(
    permits: Option<OwnedSemaphorePermit>,
    more: Option<OwnedSemaphorePermit>,
) -> Option<OwnedSemaphorePermit> {
    match (permits, more) {
        (Some(mut permits), Some(more)) => {
            permits.merge(more);
            Some(permits)
        }
        (permits, more) => permits.or(more),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_free(permits: &HandlerPermits, task: &str) -> bool {
        timeout(Duration::from_millis(1), permits.take(task))
            .await
            .is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_room_for_as_many_runs_as_could_be_of_any_one_task() {
        let permits = HandlerPermits::new(5, [("slow".to_owned(), 2), ("slower".to_owned(), 3)]);
        let mut room = permits.reserve(10);
        assert_eq!(room.runs(), 2);
        assert_eq!(permits.reserve(10).runs(), 0, "it is reserved");
        let slow = room.take("slow");
        let fast = room.take("fast");
        assert!(slow.is_some() && fast.is_some() && room.take("fast").is_none());
        drop(room);
        assert_eq!(
            permits.reserve(10).runs(),
            1,
            "one of the slow ones executes"
        );
        drop(slow);
        assert_eq!(permits.reserve(1).runs(), 1);
        assert_eq!(permits.reserve(10).runs(), 2);
        let slower = permits.take("slower").await;
        let all = [permits.take("slow").await, permits.take("slow").await];
        assert_eq!(
            permits.reserve(10).runs(),
            0,
            "a slow one could not execute"
        );
        drop((slower, all, fast));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_is_full_leaves_the_permits_of_others_free() {
        let permits = HandlerPermits::new(2, [("slow".to_owned(), 1)]);
        let slow = permits.take("slow").await;
        assert!(!is_free(&permits, "slow").await);
        let fast = permits.take("fast").await;
        assert!(!is_free(&permits, "fast").await, "the worker is full");
        drop(fast);
        assert!(is_free(&permits, "fast").await);
        drop(slow);
        assert!(is_free(&permits, "slow").await);
    }
}
