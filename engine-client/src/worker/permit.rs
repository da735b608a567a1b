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
    pub(super) fn new(permits: Arc<HandlerPermits>, permit: Option<OwnedSemaphorePermit>) -> Self {
        let taken = Mutex::new((permit, None));
        Self { permits, taken }
    }

    /// Waits for a handler permit.
    pub(super) async fn take_handler_permit(&self, task: &str) {
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

/// The permits, and those that are free besides, up to `most`.
pub(super) fn with_free(
    mut permits: Option<OwnedSemaphorePermit>,
    free: &Arc<Semaphore>,
    most: usize,
) -> Option<OwnedSemaphorePermit> {
    let mut has = permits
        .as_ref()
        .map_or(0, OwnedSemaphorePermit::num_permits);
    while has < most
        && let Ok(one) = Arc::clone(free).try_acquire_owned()
    {
        permits = merge(permits, Some(one));
        has += 1;
    }
    permits
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
