//! Quotas: what an environment may use at most.

use std::fmt;

use crate::{Refusal, Timestamp};

/// The greatest rate, runs per second.
const MAX_RATE: f64 = 1_000_000.0;

/// What an environment may use at most; `None` for no bound.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quota {
    /// Runs that wait: queued, delayed or parked.
    pub queued_runs: Option<i64>,
    /// New runs per second, on average.
    pub runs_per_second: Option<f64>,
    /// Bytes of one run's payload.
    pub payload_bytes: Option<i64>,
    /// Bytes of the payloads of all runs that are kept.
    pub kept_bytes: Option<i64>,
    /// Schedules.
    pub schedules: Option<i32>,
}

/// What a quota is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// Runs that wait.
    QueuedRuns {
        /// How many do.
        used: i64,
        /// How many may.
        bound: i64,
    },
    /// Runs per second.
    RunsPerSecond {
        /// How many thousand seconds may have on average.
        bound: i64,
        /// When the call is within it, milliseconds; `None` for never.
        wait_ms: Option<i64>,
    },
    /// Bytes of one payload.
    PayloadBytes {
        /// How many it has.
        used: i64,
        /// How many it may have.
        bound: i64,
    },
    /// Bytes of all payloads.
    KeptBytes {
        /// How many there are.
        used: i64,
        /// How many there may be.
        bound: i64,
    },
    /// Schedules.
    Schedules {
        /// How many there are.
        used: i64,
        /// How many there may be.
        bound: i32,
    },
}

impl Exceeded {
    /// The parameter of `engine_set_quota` that sets it.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::QueuedRuns { .. } => "queued_runs",
            Self::RunsPerSecond { .. } => "runs_per_second",
            Self::PayloadBytes { .. } => "payload_bytes",
            Self::KeptBytes { .. } => "kept_bytes",
            Self::Schedules { .. } => "schedules",
        }
    }

    /// What a caller can do.
    #[must_use]
    pub fn advice(self) -> String {
        let first = match self {
            Self::QueuedRuns { .. } => "Trigger again once runs have been dequeued".to_owned(),
            Self::RunsPerSecond {
                wait_ms: Some(wait_ms),
                ..
            } => format!("Trigger again in {wait_ms} ms"),
            Self::RunsPerSecond { wait_ms: None, .. } => "Trigger nothing here".to_owned(),
            Self::PayloadBytes { .. } => "Pass less, or a reference to it".to_owned(),
            Self::KeptBytes { .. } => "Trigger again once runs have been removed".to_owned(),
            Self::Schedules { .. } => "Delete a schedule".to_owned(),
        };
        format!(
            "{first}, or raise {} with engine_set_quota.",
            self.parameter()
        )
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueuedRuns { used, bound } => {
                write!(out, "Of its runs {used} wait, and {bound} may.")
            }
            Self::RunsPerSecond { bound, .. } => {
                let rate = *bound as f64 / 1000.0;
                write!(out, "On average {rate} runs per second may be triggered.")
            }
            Self::PayloadBytes { used, bound } => {
                write!(out, "The payload has {used} bytes, and may have {bound}.")
            }
            Self::KeptBytes { used, bound } => write!(
                out,
                "The payloads of its runs have {used} bytes, and may have {bound}."
            ),
            Self::Schedules { used, bound } => {
                write!(out, "It has {used} schedules, and may have {bound}.")
            }
        }
    }
}

impl Quota {
    /// Whether triggers count against it, one after the other.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        self.queued_runs.is_some() || self.runs_per_second.is_some() || self.kept_bytes.is_some()
    }

    /// Refuses a payload of too many bytes.
    ///
    /// # Errors
    /// [`Refusal::QuotaExceeded`] (`RE017`).
    pub fn check_payload(&self, environment_id: &str, bytes: usize) -> Result<(), Refusal> {
        let used = i64::try_from(bytes).unwrap_or(i64::MAX);
        match self.payload_bytes {
            Some(bound) if used > bound => Err(Refusal::QuotaExceeded {
                environment_id: environment_id.to_owned(),
                what: Exceeded::PayloadBytes { used, bound },
            }),
            _ => Ok(()),
        }
    }

    /// Refuses one more schedule beside `used` ones.
    ///
    /// # Errors
    /// [`Refusal::QuotaExceeded`] (`RE017`).
    pub fn check_schedules(&self, environment_id: &str, used: i64) -> Result<(), Refusal> {
        match self.schedules {
            Some(bound) if used >= i64::from(bound) => Err(Refusal::QuotaExceeded {
                environment_id: environment_id.to_owned(),
                what: Exceeded::Schedules { used, bound },
            }),
            _ => Ok(()),
        }
    }
}

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

/// A requested change of a bound: `None` keeps it, `Some(None)` removes it.
type Change<T> = Option<Option<T>>;

/// A requested change of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QuotaChange {
    /// Runs that wait.
    pub queued_runs: Change<i64>,
    /// Runs per second.
    pub runs_per_second: Change<f64>,
    /// Bytes of one payload.
    pub payload_bytes: Change<i64>,
    /// Bytes of all payloads.
    pub kept_bytes: Change<i64>,
    /// Schedules.
    pub schedules: Change<i32>,
}

impl QuotaChange {
    /// Reads a parameter: -1 keeps a bound, NULL removes it.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for any other number below 0.
    pub fn read<T: Copy + PartialOrd + From<i8> + fmt::Display>(
        parameter: &'static str,
        given: Option<T>,
    ) -> Result<Change<T>, Refusal> {
        match given {
            Some(bound) if bound == T::from(-1) => Ok(None),
            Some(bound) if bound >= T::from(0) => Ok(Some(Some(bound))),
            Some(bound) => Err(Refusal::invalid(
                parameter,
                format!("{bound} is not 0 or more."),
                "Pass 0 or more, NULL for no bound, or -1 to keep it as it is.",
            )),
            None => Ok(Some(None)),
        }
    }

    /// Reads the parameter `runs_per_second`.
    ///
    /// # Errors
    /// As [`read`](Self::read), and above a million.
    pub fn read_rate(given: Option<f64>) -> Result<Change<f64>, Refusal> {
        match given {
            Some(rate) if rate > MAX_RATE => Err(Refusal::invalid(
                "runs_per_second",
                format!("{rate} is more than {MAX_RATE}."),
                "Pass less, or NULL for no bound.",
            )),
            given => Self::read("runs_per_second", given),
        }
    }

    /// The quota after the change.
    #[must_use]
    pub fn apply(self, quota: Quota) -> Quota {
        Quota {
            queued_runs: self.queued_runs.unwrap_or(quota.queued_runs),
            runs_per_second: self.runs_per_second.unwrap_or(quota.runs_per_second),
            payload_bytes: self.payload_bytes.unwrap_or(quota.payload_bytes),
            kept_bytes: self.kept_bytes.unwrap_or(quota.kept_bytes),
            schedules: self.schedules.unwrap_or(quota.schedules),
        }
    }
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
            payload_bytes: Some(8),
            schedules: Some(1),
            ..Quota::default()
        };
        let mut used = used(quota);
        assert_eq!(used.fit(&quota, 1, 8, |_| 0), Ok(()));
        let refused = used.fit(&quota, 1, 3, |_| 0);
        assert_eq!(refused, Err(Exceeded::KeptBytes { used: 8, bound: 10 }));
        assert_eq!(used.fit(&quota, 1, 2, |_| 0), Ok(()));
        assert!(quota.check_payload("a", 8).is_ok());
        assert_eq!(quota.check_payload("a", 9).unwrap_err().sqlstate(), "RE017");
        assert!(quota.check_schedules("a", 0).is_ok());
        assert!(quota.check_schedules("a", 1).is_err());
    }

    #[test]
    fn a_bound_is_kept_set_or_taken_away() {
        let quota = Quota {
            queued_runs: Some(5),
            schedules: Some(6),
            ..Quota::default()
        };
        let change = QuotaChange {
            queued_runs: QuotaChange::read("queued_runs", Some(-1)).unwrap(),
            runs_per_second: QuotaChange::read_rate(Some(0.5)).unwrap(),
            schedules: QuotaChange::read("schedules", None).unwrap(),
            ..QuotaChange::default()
        };
        let expected = Quota {
            queued_runs: Some(5),
            runs_per_second: Some(0.5),
            ..Quota::default()
        };
        assert_eq!(change.apply(quota), expected);
        assert!(QuotaChange::read("kept_bytes", Some(-2_i64)).is_err());
        for rate in [-0.5, f64::NAN, f64::INFINITY, 2e6] {
            assert!(QuotaChange::read_rate(Some(rate)).is_err(), "{rate}");
        }
    }
}
