//! What changes from turn to turn of a worker: when it looks for runs next, and the names of its turns.

use tokio::time::Instant;

use crate::backoff::{Backoff, BackoffRange};

/// Between two turns.
pub(super) struct State {
    /// Whether the worker stops: from now on it only reports.
    pub(super) is_stopping: bool,
    /// When the last turn was sent.
    pub(super) sent_at: Option<Instant>,
    /// When the next look for runs is due, if no end comes before it; none during a wait.
    pub(super) look_at: Option<Instant>,
    idle: Backoff,
    /// Names no other worker gives its turns.
    prefix: u64,
    count: u64,
}

impl State {
    pub(super) fn new(idle: BackoffRange) -> Self {
        Self {
            is_stopping: false,
            sent_at: None,
            look_at: Some(Instant::now()),
            idle: Backoff::new(idle),
            prefix: rand::random(),
            count: 0,
        }
    }

    pub(super) fn look_now(&mut self) {
        self.idle.reset();
        self.look_at = Some(Instant::now());
    }

    pub(super) fn look_later(&mut self) {
        self.look_at = Some(Instant::now() + self.idle.pause());
    }

    /// A new name for a turn.
    pub(super) fn name(&mut self) -> String {
        self.count += 1;
        format!("{:016x}-{}", self.prefix, self.count)
    }
}
