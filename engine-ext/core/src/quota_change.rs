//! Changes of quotas.

use std::fmt;

use crate::{Quota, Refusal};

/// The greatest rate, runs per second.
const MAX_RATE: f64 = 1_000_000.0;

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
