//! Retry policies of workers.

use std::time::Duration;

/// Pauses before the next attempt of a failed run: they grow by a factor, each extended at random.
///
/// A worker with a policy uses it instead of the run's own [`Trigger::retry`](crate::Trigger::retry). The number
/// of attempts is the run's own setting nevertheless: see [`Trigger::max_attempts`](crate::Trigger::max_attempts).
///
/// ```
/// use std::time::Duration;
///
/// use engine_client::RetryPolicy;
///
/// let policy = RetryPolicy { jitter: false, ..RetryPolicy::default() };
/// assert_eq!(policy.pause(3), Duration::from_secs(4));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// The pause after the first attempt. Default: 1 s.
    pub min: Duration,
    /// Longest pause. Default: 60 s.
    pub max: Duration,
    /// Growth of the pause per attempt. Default: 2.
    pub factor: f64,
    /// Whether each pause is extended by up to its own duration at random, so that runs that failed together are
    /// not retried together. Default: true.
    pub jitter: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            min: Duration::from_secs(1),
            max: Duration::from_secs(60),
            factor: 2.0,
            jitter: true,
        }
    }
}

impl RetryPolicy {
    /// The pause after this attempt; 1 for the first.
    pub fn pause(&self, attempt_number: i32) -> Duration {
        let growth = self
            .factor
            .max(1.0)
            .powi(attempt_number.saturating_sub(1).max(0));
        let jitter = if self.jitter {
            rand::random_range(1.0..2.0)
        } else {
            1.0
        };
        let seconds = self.min.as_secs_f64() * growth * jitter;
        Duration::try_from_secs_f64(seconds).map_or(self.max, |pause| pause.min(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let policy = RetryPolicy {
            jitter: false,
            ..RetryPolicy::default()
        };
        let pauses = [1, 2, 3, 7, 250].map(|attempt| policy.pause(attempt).as_secs());
        assert_eq!(pauses, [1, 2, 4, 60, 60]);
    }

    #[test]
    fn jitter_prolongs_by_a_pause_at_most() {
        for _ in 0..1000 {
            let pause = RetryPolicy::default().pause(2);
            assert!((2.0..4.0).contains(&pause.as_secs_f64()), "{pause:?}");
        }
    }
}
