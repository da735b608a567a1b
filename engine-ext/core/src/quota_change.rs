//! Changes of quotas.

use std::fmt;

use crate::{Quota, Refusal};

/// The greatest rate, runs per second.
const MAX_RATE: f64 = 1_000_000.0;

/// The least rate above none: a run in eleven days.
const MIN_RATE: f64 = 0.000_001;

/// The greatest number of runs, and of bytes: views count to one more, and advice names twice as much.
const MAX_COUNT: i64 = 100_000_000_000_000;

/// The greatest number of schedules.
const MAX_SCHEDULES: i32 = 1_000_000_000;

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
    /// Reads a number of runs, or of bytes: -1 keeps the bound, NULL removes it.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) for any other number below 0, and above a hundred trillion.
    pub fn read_count(parameter: &'static str, given: Option<i64>) -> Result<Change<i64>, Refusal> {
        read(parameter, given, MAX_COUNT)
    }

    /// Reads the parameter `runs_per_second`.
    ///
    /// # Errors
    /// As [`read_count`](Self::read_count), and above a million, or below one in a million seconds.
    pub fn read_rate(given: Option<f64>) -> Result<Change<f64>, Refusal> {
        match given {
            Some(rate) if rate > 0.0 && rate < MIN_RATE => Err(Refusal::invalid(
                "runs_per_second",
                format!("{rate:e} is less than {MIN_RATE}."),
                "Pass more, or 0 for no run at all.",
            )),
            given => read("runs_per_second", given, MAX_RATE),
        }
    }

    /// Reads the parameter `schedules`.
    ///
    /// # Errors
    /// As [`read_count`](Self::read_count), and above a billion.
    pub fn read_schedules(given: Option<i32>) -> Result<Change<i32>, Refusal> {
        read("schedules", given, MAX_SCHEDULES)
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

fn read<T: Copy + PartialOrd + From<i8> + fmt::Display>(
    parameter: &'static str,
    given: Option<T>,
    most: T,
) -> Result<Change<T>, Refusal> {
    match given {
        None => Ok(Some(None)),
        Some(bound) if bound == T::from(-1) => Ok(None),
        Some(bound) if bound >= T::from(0) && bound <= most => Ok(Some(Some(bound))),
        Some(bound) => Err(Refusal::invalid(
            parameter,
            format!("{bound} is not between 0 and {most}."),
            "Pass a number within them, NULL for no bound, or -1 to keep it as it is.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_kept_set_or_taken_away() {
        let quota = Quota {
            queued_runs: Some(5),
            schedules: Some(6),
            ..Quota::default()
        };
        let change = QuotaChange {
            queued_runs: QuotaChange::read_count("queued_runs", Some(-1)).unwrap(),
            runs_per_second: QuotaChange::read_rate(Some(0.5)).unwrap(),
            schedules: QuotaChange::read_schedules(None).unwrap(),
            ..QuotaChange::default()
        };
        let expected = Quota {
            queued_runs: Some(5),
            runs_per_second: Some(0.5),
            ..Quota::default()
        };
        assert_eq!(change.apply(quota), expected);
        for count in [-2, MAX_COUNT + 1, i64::MAX] {
            assert!(QuotaChange::read_count("kept_bytes", Some(count)).is_err());
        }
        assert!(QuotaChange::read_schedules(Some(i32::MAX)).is_err());
        for rate in [-0.5, f64::NAN, f64::INFINITY, 2e6, 1e-300] {
            assert!(QuotaChange::read_rate(Some(rate)).is_err(), "{rate}");
        }
    }
}
