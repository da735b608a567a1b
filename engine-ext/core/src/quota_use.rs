//! What an environment has used of its quota.

use crate::{Exceeded, Quota, Timestamp};

/// What an environment with a quota has used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuotaUse {
    /// How many runs may be triggered at once; less than none if a call has triggered more.
    pub tokens: f64,
    /// When the tokens were counted.
    pub refilled_at: Timestamp,
    /// At most so many runs wait: those that did when they were counted, and all since.
    pub queued_bound: i64,
    /// Bytes of payloads that are kept.
    pub kept_bytes: i64,
}

impl QuotaUse {
    /// That of an environment that has triggered nothing for long.
    #[must_use]
    pub fn fresh(quota: &Quota, now: Timestamp) -> Self {
        Self {
            tokens: quota.runs_per_second.map_or(0.0, capacity),
            refilled_at: now,
            queued_bound: 0,
            kept_bytes: 0,
        }
    }

    /// Adds runs that wait, with so many bytes of payload. `count` counts those that wait, up to a number: what is known is an
    /// upper bound, so it is counted only once that reaches the quota.
    ///
    /// # Errors
    /// What is exceeded; nothing is added then.
    pub fn fit(
        &mut self,
        quota: &Quota,
        runs: i64,
        bytes: i64,
        count: impl FnOnce(i64) -> i64,
    ) -> Result<(), Exceeded> {
        if let Some(bound) = quota.kept_bytes {
            let used = self.kept_bytes;
            if bytes > 0 && used.saturating_add(bytes) > bound {
                return Err(Exceeded::KeptBytes { used, bound });
            }
        }
        if let Some(bound) = quota.queued_runs.filter(|_| runs > 0) {
            if self.queued_bound.saturating_add(runs) > bound {
                self.queued_bound = count(bound.saturating_add(1));
            }
            let used = self.queued_bound;
            if used.saturating_add(runs) > bound {
                return Err(Exceeded::QueuedRuns { used, bound });
            }
        }
        self.queued_bound = self.queued_bound.saturating_add(runs);
        self.kept_bytes = self.kept_bytes.saturating_add(bytes);
        Ok(())
    }

    /// Takes a token for each run of a call. A call may take more than there ever are, once all are there: the next one waits
    /// for longer.
    ///
    /// # Errors
    /// [`Exceeded::RunsPerSecond`]; none is taken then.
    pub fn take(&mut self, rate: Option<f64>, runs: i64, now: Timestamp) -> Result<(), Exceeded> {
        let Some(rate) = rate.filter(|_| runs > 0) else {
            return Ok(());
        };
        let passed = now.ms_since(self.refilled_at).max(0);
        let tokens = (self.tokens + rate * passed as f64 / 1000.0).min(capacity(rate));
        let needed = (runs as f64).min(capacity(rate));
        if rate <= 0.0 || tokens < needed {
            let wait_ms = (rate > 0.0).then(|| ((needed - tokens) / rate * 1000.0).ceil() as i64);
            return Err(Exceeded::RunsPerSecond {
                bound: (rate * 1000.0) as i64,
                wait_ms,
            });
        }
        (self.tokens, self.refilled_at) = (tokens - runs as f64, now);
        Ok(())
    }
}

/// The most tokens: those of a second, and one at least.
fn capacity(rate: f64) -> f64 {
    rate.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(0);

    fn ms(ms: i64) -> Timestamp {
        START.plus_ms(ms)
    }

    fn used(quota: Quota) -> QuotaUse {
        QuotaUse::fresh(&quota, START)
    }

    fn paced(rate: f64) -> QuotaUse {
        used(Quota {
            runs_per_second: Some(rate),
            ..Quota::default()
        })
    }

    #[test]
    fn a_rate_holds_on_average_whatever_the_calls_are() {
        for (per_second, call) in [(10.0, 1), (10.0, 7), (10.0, 100), (0.5, 1), (0.5, 3)] {
            let mut used = paced(per_second);
            let mut triggered = 0;
            for at in (0..1_000_000).step_by(50) {
                if used.take(Some(per_second), call, ms(at)).is_ok() {
                    triggered += call;
                }
            }
            let most = 1_000.0 * per_second;
            let slack = per_second.max(1.0) + call as f64;
            let triggered = triggered as f64;
            assert!(triggered <= most + slack, "{triggered} of {most}");
            assert!(triggered >= most * 0.9 - slack, "{triggered} of {most}");
        }
    }

    #[test]
    fn a_refused_call_is_told_when_it_is_accepted() {
        let mut used = paced(4.0);
        assert_eq!(used.take(Some(4.0), 4, START), Ok(()));
        let refused = used.take(Some(4.0), 1, ms(100));
        let Err(Exceeded::RunsPerSecond {
            wait_ms: Some(wait_ms),
            ..
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert!(used.take(Some(4.0), 1, ms(99 + wait_ms)).is_err());
        assert_eq!(used.take(Some(4.0), 1, ms(100 + wait_ms)), Ok(()));
        // A clock that goes back takes nothing away.
        assert!(used.take(Some(4.0), 1, ms(-5_000)).is_err());
        let refused = paced(0.0).take(Some(0.0), 1, ms(9_000));
        assert!(matches!(
            refused,
            Err(Exceeded::RunsPerSecond { wait_ms: None, .. })
        ));
    }

    #[test]
    fn runs_that_wait_are_counted_once_as_many_may_wait() {
        let quota = Quota {
            queued_runs: Some(3),
            ..Quota::default()
        };
        let mut used = used(quota);
        let uncounted = |_| panic!("counted too early");
        assert_eq!(used.fit(&quota, 3, 0, uncounted), Ok(()));
        assert_eq!(used.fit(&quota, 1, 0, |_| 2), Ok(()));
        let refused = used.fit(&quota, 1, 0, |cap| cap);
        assert_eq!(refused, Err(Exceeded::QueuedRuns { used: 4, bound: 3 }));
        // A call that adds none is never refused.
        assert_eq!(used.fit(&quota, 0, 0, |cap| cap), Ok(()));
    }

    #[test]
    fn bytes_are_added_up() {
        let quota = Quota {
            kept_bytes: Some(10),
            ..Quota::default()
        };
        let mut used = used(quota);
        assert_eq!(used.fit(&quota, 1, 8, |_| 0), Ok(()));
        let refused = used.fit(&quota, 1, 3, |_| 0);
        assert_eq!(refused, Err(Exceeded::KeptBytes { used: 8, bound: 10 }));
        assert_eq!(used.fit(&quota, 1, 2, |_| 0), Ok(()));
    }
}
