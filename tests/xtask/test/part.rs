//! What the parts of a command take.

use std::time::{Duration, Instant};

/// Parts that have ended, in their order.
pub struct Parts {
    begun_at: Instant,
    part_begun_at: Instant,
    pub ended: Vec<(&'static str, Duration)>,
}

impl Parts {
    /// The first part begins.
    pub fn begin() -> Self {
        let now = Instant::now();
        Self {
            begun_at: now,
            part_begun_at: now,
            ended: Vec::new(),
        }
    }

    /// The part under way ends, and the next one begins.
    pub fn end(&mut self, name: &'static str) {
        let now = Instant::now();
        self.ended.push((name, now - self.part_begun_at));
        self.part_begun_at = now;
    }

    pub fn in_all(&self) -> Duration {
        self.begun_at.elapsed()
    }
}
