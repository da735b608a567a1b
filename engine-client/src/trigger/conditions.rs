//! Options that decide when a run starts, whether a trigger makes a new one, and how long it is kept.

use std::time::{Duration, SystemTime};

use super::Trigger;
use crate::Debounce;
use crate::time::to_text;

impl Trigger {
    /// Earliest time of the first attempt.
    pub fn delay_until(mut self, delay_until: SystemTime) -> Self {
        self.delay_until = Some(delay_until);
        self
    }

    /// How long the run may wait in its queue before its first dequeue; then it expires. Kept in whole seconds,
    /// rounded up. Default: no limit, and ten minutes in development.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(to_text(ttl));
        self
    }

    /// A trigger with the key of a run of the same task and environment returns that run instead of making a new
    /// one, unless it failed. This makes it safe to repeat a trigger whose answer was lost.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// When the idempotency key is forgotten. Default: after thirty days.
    pub fn idempotency_key_expires_at(mut self, expires_at: SystemTime) -> Self {
        self.idempotency_key_expires_at = Some(expires_at);
        self
    }

    /// Combines triggers with one key into one run.
    pub fn debounce(mut self, debounce: Debounce) -> Self {
        self.debounce = Some(debounce.to_json());
        self
    }

    /// A token that only one trigger may use: a second one is refused with
    /// [`TokenUsed`](crate::ErrorKind::TokenUsed).
    pub fn one_time_use_token(mut self, token: impl Into<String>) -> Self {
        self.one_time_use_token = Some(token.into());
        self
    }

    /// How long the run is kept after its end, whatever the retention policies say. Kept in whole seconds, rounded up. With
    /// zero its payload, output and history go with its end, and the rest after a day.
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = Some(to_text(keep));
        self
    }

    /// The worker version that executes the run. Default: the current one.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
}
