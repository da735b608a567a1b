//! Exponential back-off.

/// An exponential delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Delay after the first attempt, before jitter, milliseconds.
    pub min_ms: i64,
    /// Longest delay, milliseconds.
    pub max_ms: i64,
    /// Growth of the delay per attempt.
    pub factor: f64,
}

impl Backoff {
    /// The delay after attempt number `attempt` (from 1), milliseconds: `min · factor^(attempt − 1) · jitter`, at most
    /// `max`. `jitter` is at least 1 and less than 2.
    #[must_use]
    pub fn delay_ms(self, attempt: i32, jitter: f64) -> i64 {
        let delay = self.min_ms as f64 * self.factor.powi(attempt.max(1) - 1) * jitter;
        (delay.round() as i64).min(self.max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        min_ms: 1000,
        max_ms: 3_600_000,
        factor: 2.0,
    };

    #[test]
    fn delays_double_up_to_the_longest() {
        let delays: Vec<i64> = (1..=13)
            .map(|attempt| BACKOFF.delay_ms(attempt, 1.0))
            .collect();
        assert_eq!(&delays[..4], [1000, 2000, 4000, 8000]);
        assert_eq!(delays[12], 3_600_000);
        assert_eq!(BACKOFF.delay_ms(i32::MAX, 1.9), 3_600_000);
    }

    #[test]
    fn jitter_lengthens_and_never_passes_the_longest() {
        let short = Backoff {
            min_ms: 50,
            max_ms: 50,
            ..BACKOFF
        };
        assert_eq!(short.delay_ms(1, 1.99), 50);
        let long = Backoff {
            min_ms: 100,
            max_ms: 1000,
            ..BACKOFF
        };
        assert_eq!(long.delay_ms(1, 1.5), 150);
    }
}
