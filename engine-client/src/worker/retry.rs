//! When a failed attempt comes again.

use std::time::Duration;

use crate::failure::Retry;

/// Pauses before the next attempt of a run that failed: they grow by a factor, each prolonged at random.
///
/// How many attempts a run has is its own matter: see [`Trigger::max_attempts`](crate::Trigger::max_attempts).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// The pause after the first attempt. Default: 1 s.
    pub min: Duration,
    /// No pause is longer. Default: 60 s.
    pub max: Duration,
    /// What each pause is longer by than the one before. Default: 2.
    pub factor: f64,
    /// Whether each pause is prolonged by up to its own length at random, so that runs that failed together
    /// do not come again together. Default: true.
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
        let jitter = match self.jitter {
            true => rand::random_range(1.0..2.0),
            false => 1.0,
        };
        let seconds = self.min.as_secs_f64() * growth * jitter;
        Duration::try_from_secs_f64(seconds).map_or(self.max, |pause| pause.min(self.max))
    }

    /// The pause after this attempt of a run with so many, if there is to be another one.
    pub(super) fn after(
        &self,
        retry: Retry,
        attempt_number: i32,
        max_attempts: Option<i32>,
    ) -> Option<Duration> {
        if attempt_number >= max_attempts.unwrap_or(0) {
            return None;
        }
        match retry {
            Retry::ByPolicy => Some(self.pause(attempt_number)),
            Retry::After(pause) => Some(pause),
            Retry::Never => None,
        }
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

    #[test]
    fn the_last_attempt_and_what_is_hopeless_have_no_next_one() {
        let policy = RetryPolicy::default();
        let nine = Duration::from_secs(9);
        assert!(policy.after(Retry::ByPolicy, 2, Some(3)).is_some());
        assert_eq!(policy.after(Retry::After(nine), 2, Some(3)), Some(nine));
        assert_eq!(policy.after(Retry::After(nine), 3, Some(3)), None);
        assert_eq!(policy.after(Retry::Never, 1, Some(3)), None);
        assert_eq!(policy.after(Retry::ByPolicy, 1, None), None);
    }
}
