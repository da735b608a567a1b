//! Waits for runs: look, sleep, look again.

use engine_core::{Timestamp, looks_again};

use crate::backend::{client, latch};
use crate::clock;
use crate::shared::bell::Listener;

/// First pause of a call that waits, milliseconds; it doubles up to the longest one.
const FIRST_PAUSE_MS: i64 = 5;

const LONGEST_PAUSE_MS: i64 = 100;

/// Pause of a call that the commit of a queued run wakes: its longest delay for runs that become due without a commit, and
/// for noticing that its client is gone.
const PAUSE_WITH_BELL_MS: i64 = 1000;

/// A wait for runs: look, sleep, look again, until there is a run or the time is up.
pub(crate) struct Wait {
    /// None for a call that does not wait, and without bells.
    listener: Option<Listener>,
    end: Timestamp,
    is_long: bool,
    pause_ms: i64,
}

impl Wait {
    /// A wait of `wait_ms` milliseconds for runs of a worker queue, of an environment or all, and of a version or all; with 0 a
    /// single look.
    pub(crate) fn begin(
        worker_queue: &str,
        environment_id: Option<&str>,
        version: Option<&str>,
        wait_ms: i32,
    ) -> Self {
        let is_long = wait_ms > 0;
        let listener = if is_long {
            Listener::new(worker_queue, environment_id, version)
        } else {
            None
        };
        Self {
            listener,
            end: clock::now().plus_ms(i64::from(wait_ms)),
            is_long,
            pause_ms: FIRST_PAUSE_MS,
        }
    }

    /// Looks, and then sleeps no longer than the remaining time. If the client is gone, the session ends.
    pub(crate) fn look<T>(&self, look: impl FnOnce() -> T) -> T {
        // Listens before it looks: a run that is queued in between rings.
        if let Some(listener) = &self.listener {
            listener.listen();
        }
        if self.is_long {
            client::check();
        }
        let seen = look();
        if let Some(listener) = &self.listener {
            listener.has_looked();
        }
        seen
    }

    /// Sleeps until another look is worthwhile; returns false at once if the time is up.
    pub(crate) fn sleep(&mut self) -> bool {
        let left_ms = self.end.ms_since(clock::now());
        if left_ms <= 0 {
            return false;
        }
        if let Some(listener) = &self.listener {
            self.sleep_until_rung(listener);
        } else {
            latch::sleep_ms(self.pause_ms.min(left_ms));
            self.pause_ms = (self.pause_ms * 2).min(LONGEST_PAUSE_MS);
        }
        true
    }

    /// Sleeps until the bell rings, the time is up, or this process should poll for all that wait for the same runs.
    fn sleep_until_rung(&self, listener: &Listener) {
        loop {
            let left_ms = self.end.ms_since(clock::now());
            if left_ms <= 0 {
                return;
            }
            latch::sleep_ms(PAUSE_WITH_BELL_MS.min(left_ms));
            if looks_again(listener.waiting_alike(), rand::random()) {
                return;
            }
            // What resets the latch precedes the check of what sets it.
            client::check();
            if listener.has_rung() {
                return;
            }
        }
    }
}
