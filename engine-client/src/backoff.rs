//! Growing pauses with jitter.

use std::time::Duration;

/// The shortest and the longest of pauses that double, each shortened by up to half at random.
///
/// ```
/// use std::time::Duration;
///
/// let range = engine_client::BackoffRange {
///     min: Duration::from_millis(20),
///     max: Duration::from_secs(1),
/// };
/// # drop(range);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffRange {
    /// The first pause, before jitter. Less than a millisecond counts as one.
    pub min: Duration,
    /// Limit of every pause.
    pub max: Duration,
}

/// Pauses that double from `min` to `max`; each is shortened by up to half at random, so that many
/// workers do not wake together.
#[derive(Debug)]
pub(crate) struct Backoff {
    range: BackoffRange,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(range: BackoffRange) -> Self {
        let next = range.min.max(Duration::from_millis(1)).min(range.max);
        Self { range, next }
    }

    /// The next pause, with jitter.
    pub(crate) fn pause(&mut self) -> Duration {
        self.advance().mul_f64(rand::random_range(0.5..=1.0))
    }

    /// Restarts from the shortest pause, after a success.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.range);
    }

    fn advance(&mut self) -> Duration {
        let pause = self.next;
        self.next = self.next.saturating_mul(2).min(self.range.max);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(min_ms: u64, max_ms: u64) -> Backoff {
        Backoff::new(BackoffRange {
            min: Duration::from_millis(min_ms),
            max: Duration::from_millis(max_ms),
        })
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = backoff(20, 1000);
        let pauses: Vec<_> = (0..8).map(|_| backoff.advance().as_millis()).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000]);
    }

    #[test]
    fn jitter_takes_off_half_at_most() {
        for _ in 0..1000 {
            let pause = backoff(100, 100).pause();
            assert!(pause >= Duration::from_millis(50), "{pause:?}");
            assert!(pause <= Duration::from_millis(100), "{pause:?}");
        }
    }

    #[test]
    fn a_reset_begins_again() {
        let mut backoff = backoff(20, 1000);
        backoff.pause();
        backoff.pause();
        backoff.reset();
        assert_eq!(backoff.advance(), Duration::from_millis(20));
    }

    #[test]
    fn a_shortest_pause_above_the_longest_is_cut() {
        assert_eq!(backoff(50, 10).advance(), Duration::from_millis(10));
    }
}
