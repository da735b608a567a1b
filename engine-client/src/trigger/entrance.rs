//! What says when a run begins, and whether a trigger makes one.

use std::time::{Duration, SystemTime};

use super::Trigger;
use crate::Debounce;

impl Trigger {
    /// Not before this.
    pub fn delay_until(mut self, delay_until: SystemTime) -> Self {
        self.delay_until = Some(delay_until);
        self
    }

    /// How long the run may wait in its queue before it is first handed to a worker; then it expires. Kept in whole
    /// seconds, rounded up. Default: for ever, and ten minutes in development.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// A trigger with the key of a run of the same task and environment returns that run instead of making one,
    /// unless it failed. This makes it safe to repeat a trigger whose answer was lost.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// How long the idempotency key is remembered. Default: thirty days.
    pub fn idempotency_key_expires_at(mut self, expires_at: SystemTime) -> Self {
        self.idempotency_key_expires_at = Some(expires_at);
        self
    }

    /// Brings triggers of one key together into one run.
    pub fn debounce(mut self, debounce: Debounce) -> Self {
        self.debounce = Some(debounce);
        self
    }

    /// A token that is good for one run: a second one is refused with
    /// [`TokenUsed`](crate::ErrorKind::TokenUsed).
    pub fn one_time_use_token(mut self, token: impl Into<String>) -> Self {
        self.one_time_use_token = Some(token.into());
        self
    }

    /// The version of the worker that is to do the run. Default: the current one.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
}
