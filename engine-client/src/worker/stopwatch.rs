//! Measures the execution of an attempt, without its waits.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

#[derive(Debug)]
pub(super) struct Stopwatch(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Time until the last pause.
    before: Duration,
    /// None while it is paused.
    running_since: Option<Instant>,
}

impl Stopwatch {
    pub(super) fn started() -> Self {
        Self(Mutex::new(State {
            before: Duration::ZERO,
            running_since: Some(Instant::now()),
        }))
    }

    pub(super) fn elapsed(&self) -> Duration {
        let state = self.state();
        state.before
            + state
                .running_since
                .map_or(Duration::ZERO, |at| at.elapsed())
    }

    pub(super) fn pause(&self) {
        let mut state = self.state();
        if let Some(at) = state.running_since.take() {
            state.before += at.elapsed();
        }
    }

    pub(super) fn resume(&self) {
        self.state().running_since.get_or_insert_with(Instant::now);
    }

    /// Waits until it shows `limit`; without one, forever.
    pub(super) async fn reached(&self, limit: Option<Duration>) {
        let Some(limit) = limit else {
            return std::future::pending().await;
        };
        loop {
            let left = limit.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }

    /// Nothing can panic while it is locked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_do_not_count() {
        let watch = Stopwatch::started();
        sleep(Duration::from_secs(2)).await;
        watch.pause();
        sleep(Duration::from_secs(60)).await;
        watch.resume();
        let start = Instant::now();
        watch.reached(Some(Duration::from_secs(5))).await;
        assert_eq!(start.elapsed().as_secs(), 3);
        assert_eq!(watch.elapsed().as_secs(), 5);
    }
}
