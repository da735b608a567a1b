//! Waiting inside a backend: on its latch, so that a cancel, a shutdown or the death of the server ends it at once.

pub(crate) mod bell;
mod client;

use std::hash::Hash;

use engine_core::{Timestamp, looks_again};
use pgrx::pg_sys;

use self::bell::Listener;
use crate::clock;

/// First pause of a call that waits, milliseconds; it doubles up to the longest one.
const FIRST_PAUSE_MS: i64 = 5;
const LONGEST_PAUSE_MS: i64 = 250;

/// Pause of a call that is woken by the commit that queues a run: how late it may be for one whose hour comes by itself, and to
/// learn that its client is gone.
const PAUSE_WITH_BELL_MS: i64 = 1000;

/// A wait for runs: look, sleep, look again, until something is there or the time is up.
pub(crate) struct Wait {
    /// None for a call that does not wait, and where there are no bells.
    listener: Option<Listener>,
    end: Timestamp,
    is_long: bool,
    pause_ms: i64,
}

impl Wait {
    /// A wait for runs of a worker queue, `filter` says which, that lasts `wait_ms` milliseconds; with 0 it is a single look.
    pub(crate) fn begin(worker_queue: &str, filter: &impl Hash, wait_ms: i32) -> Self {
        let is_long = wait_ms > 0;
        let listener = if is_long {
            Listener::new(worker_queue, filter)
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

    /// Looks, and sleeps no more than is left to wait after that. Whoever is gone gets nothing: then the session ends.
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

    /// Sleeps until it is worth another look; at once false if the time is up.
    pub(crate) fn sleep(&mut self) -> bool {
        let left_ms = self.end.ms_since(clock::now());
        if left_ms <= 0 {
            return false;
        }
        if let Some(listener) = &self.listener {
            self.sleep_until_rung(listener);
        } else {
            sleep_ms(self.pause_ms.min(left_ms));
            self.pause_ms = (self.pause_ms * 2).min(LONGEST_PAUSE_MS);
        }
        true
    }
}

impl Wait {
    /// Sleeps until the bell rings, the time is up, or it is this process's turn to look, of all who wait for the same runs.
    fn sleep_until_rung(&self, listener: &Listener) {
        loop {
            let left_ms = self.end.ms_since(clock::now());
            if left_ms <= 0 {
                return;
            }
            sleep_ms(PAUSE_WITH_BELL_MS.min(left_ms));
            if looks_again(listener.waiting_alike(), rand::random()) {
                return;
            }
            // What resets the latch comes before the look at what sets it.
            client::check();
            if listener.has_rung() {
                return;
            }
        }
    }
}

/// Waits for `ms` milliseconds, or less if something happens to this backend.
#[allow(unsafe_code)]
pub(crate) fn sleep_ms(ms: i64) {
    // SAFETY: the latch of this process; waiting on it is what it is for.
    unsafe {
        pg_sys::WaitLatch(
            pg_sys::MyLatch,
            (pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH) as i32,
            ms,
            pg_sys::PG_WAIT_EXTENSION,
        );
    }
    // SAFETY: as above.
    unsafe { pg_sys::ResetLatch(pg_sys::MyLatch) };
    pgrx::check_for_interrupts!();
}
