//! Permits to hold runs, and how the lanes of a worker share them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::permit::{merge, to_permits};

/// Permits to hold runs, shared by the lanes of a worker. Whoever waits gets the next one, so that each has its turn.
#[derive(Debug)]
pub(super) struct RunPermits {
    semaphore: Arc<Semaphore>,
    lanes: usize,
    /// How many lanes wait for a permit.
    waiting: AtomicUsize,
}

/// Counts a lane that waits, until it is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl RunPermits {
    /// Permits to hold so many runs, for so many lanes.
    pub(super) fn new(runs: usize, lanes: usize) -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(to_permits(runs))),
            lanes,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether there is another lane: then a permit must not wait for a node, which may be down.
    pub(super) fn are_shared(&self) -> bool {
        self.lanes > 1
    }

    /// Waits for a permit. None only if there will be none any more: the semaphore is never closed.
    pub(super) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        Arc::clone(&self.semaphore).acquire_owned().await.ok()
    }

    /// The permits, and those that are free besides, up to `most`; while other lanes wait, only this lane's share of them.
    pub(super) fn with_free(
        &self,
        mut permits: Option<OwnedSemaphorePermit>,
        most: usize,
    ) -> Option<OwnedSemaphorePermit> {
        let mut has = permits
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let waiting = self.waiting.load(Ordering::Relaxed);
        let free = self.semaphore.available_permits();
        let most = most.min(has + free.div_ceil(waiting + 1));
        while has < most
            && let Ok(one) = Arc::clone(&self.semaphore).try_acquire_owned()
        {
            permits = merge(permits, Some(one));
            has += 1;
        }
        permits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_permit_goes_to_the_lane_that_waits() {
        let permits = RunPermits::new(5, 2);
        let mut all = permits.with_free(None, 10).unwrap();
        assert_eq!(all.num_permits(), 5);
        let mut other = std::pin::pin!(permits.take());
        assert!(poll_once(other.as_mut()).await.is_none());
        drop(all.split(3));
        let share = permits.with_free(None, 10).unwrap();
        assert_eq!(
            share.num_permits(),
            1,
            "one of the two that nobody waits for"
        );
        assert!(other.await.is_some());
    }

    /// Polls once.
    async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match future.as_mut().poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
