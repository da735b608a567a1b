//! The delay before a run comes back into its queue (`spec/queue.md §1.9`).

/// Exponential delay with a factor of 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Delay after the first attempt, before jitter, milliseconds.
    pub min_ms: i64,
    /// Longest delay, milliseconds.
    pub max_ms: i64,
}

impl Backoff {
    /// The delay after queue attempt number `attempt` (from 1), milliseconds: `min · 2^(attempt − 1) · jitter`, at most
    /// `max`. `jitter` is at least 1 and less than 2.
    #[must_use]
    pub fn delay_ms(self, attempt: i32, jitter: f64) -> i64 {
        let delay = self.min_ms as f64 * 2f64.powi(attempt.max(1) - 1) * jitter;
        (delay.round() as i64).min(self.max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let backoff = Backoff {
            min_ms: 1000,
            max_ms: 3_600_000,
        };
        let delays: Vec<i64> = (1..=13)
            .map(|attempt| backoff.delay_ms(attempt, 1.0))
            .collect();
        assert_eq!(&delays[..4], [1000, 2000, 4000, 8000]);
        assert_eq!(delays[12], 3_600_000);
        assert_eq!(backoff.delay_ms(i32::MAX, 1.9), 3_600_000);
    }

    #[test]
    fn jitter_lengthens_and_never_passes_the_longest() {
        let backoff = Backoff {
            min_ms: 50,
            max_ms: 50,
        };
        assert_eq!(backoff.delay_ms(1, 1.99), 50);
        assert_eq!(
            Backoff {
                min_ms: 100,
                max_ms: 1000
            }
            .delay_ms(1, 1.5),
            150
        );
    }
}
