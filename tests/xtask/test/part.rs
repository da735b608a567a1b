//! The durations of a command's parts.

use std::time::{Duration, Instant};

/// Ended parts, in order.
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
