//! A worker's request for runs.

use crate::Refusal;

/// Longest wait of a call, milliseconds: a call that waits keeps its transaction open.
const MAX_WAIT_MS: i32 = 60_000;

/// A checked request for runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DequeueRequest {
    /// Most runs to return.
    pub max_runs: i32,
    /// How long to wait for the first run, milliseconds.
    pub wait_ms: i32,
}

impl DequeueRequest {
    /// Checks a request; `max_batch` is the setting `engine.max_batch`.
    ///
    /// # Errors
    /// [`Refusal::InvalidValue`] (`22023`) if `max_runs` is outside 1..=`max_batch`, or `wait_ms` outside 0..=60000.
    pub fn new(max_runs: i32, wait_ms: i32, max_batch: i32) -> Result<Self, Refusal> {
        if max_runs < 1 || max_runs > max_batch {
            return Err(Refusal::invalid(
                "max_runs",
                format!("{max_runs} is not between 1 and {max_batch}."),
                "Ask for at least one run, and for no more than engine.max_batch.",
            ));
        }
        if !(0..=MAX_WAIT_MS).contains(&wait_ms) {
            return Err(Refusal::invalid(
                "wait_ms",
                format!("{wait_ms} is not between 0 and {MAX_WAIT_MS}."),
                "Wait for at most a minute, then call again.",
            ));
        }
        Ok(Self { max_runs, wait_ms })
    }
}

/// A checked request for a turn of a worker: how many runs it wants, if any, and how long it waits for the first one.
///
/// A worker that reports ends of attempts does not wait. One that wants no runs only reports.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`) if `max_runs` is outside 0..=`max_batch`, or `wait_ms` outside 0..=60000.
pub fn turn_request(
    max_runs: i32,
    wait_ms: i32,
    max_batch: i32,
    reports: bool,
) -> Result<Option<DequeueRequest>, Refusal> {
    if max_runs < 0 || max_runs > max_batch {
        return Err(Refusal::invalid(
            "max_runs",
            format!("{max_runs} is not between 0 and {max_batch}."),
            "Ask for no more runs than engine.max_batch, or for none.",
        ));
    }
    let request = DequeueRequest::new(max_runs.max(1), wait_ms, max_batch)?;
    Ok((max_runs > 0).then_some(DequeueRequest {
        wait_ms: if reports { 0 } else { wait_ms },
        ..request
    }))
}

/// Most runs that a worker may say that it holds at once.
const MAX_CAPACITY: i32 = 1_000_000;

/// Checks how many runs a worker says that it holds at once; 0 if it ends.
///
/// # Errors
/// [`Refusal::InvalidValue`] (`22023`).
pub fn check_capacity(capacity: i32) -> Result<i32, Refusal> {
    if (0..=MAX_CAPACITY).contains(&capacity) {
        return Ok(capacity);
    }
    Err(Refusal::invalid(
        "capacity",
        format!("{capacity} is not between 0 and {MAX_CAPACITY}."),
        "Pass how many runs the worker holds at once, or 0 when it ends.",
    ))
}

/// Polls per second that all sessions waiting for the same runs make together; a commit with runs wakes them besides.
const LOOKS_PER_SECOND: f64 = 100.0;

/// Whether one of `waiting` sessions that wait for the same runs polls in this second without being woken. `chance` is at
/// least 0 and less than 1.
///
/// A few sessions poll once a second each, to see runs that become due without a commit. Of many sessions only some need to:
/// each draws again every second, so that the sessions left waiting poll often enough after others have claimed runs.
#[must_use]
pub fn looks_again(waiting: usize, chance: f64) -> bool {
    chance * (waiting as f64) < LOOKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_who_wait_look_every_second_and_many_a_hundred_times_together() {
        for waiting in [0, 1, 99, 100] {
            assert!(looks_again(waiting, 0.999_999), "{waiting}");
        }
        for waiting in [101, 1000, 4096] {
            let looks =
                (0..waiting).filter(|turn| looks_again(waiting, *turn as f64 / waiting as f64));
            assert_eq!(looks.count(), 100, "{waiting}");
        }
    }

    #[test]
    fn a_turn_that_reports_does_not_wait_and_one_without_runs_wants_none() {
        let request = |max_runs, wait_ms, reports| turn_request(max_runs, wait_ms, 1000, reports);
        let (max_runs, wait_ms) = (5, 100);
        assert_eq!(
            request(5, 100, false),
            Ok(Some(DequeueRequest { max_runs, wait_ms }))
        );
        let at_once = DequeueRequest {
            max_runs,
            wait_ms: 0,
        };
        assert_eq!(request(5, 100, true), Ok(Some(at_once)));
        assert_eq!(request(0, 100, true), Ok(None));
        for (max_runs, wait_ms) in [(-1, 0), (1001, 0), (0, -1), (1, 60_001)] {
            assert!(request(max_runs, wait_ms, true).is_err());
        }
    }

    #[test]
    fn a_request_stays_within_its_bounds() {
        assert!(DequeueRequest::new(1, 0, 1000).is_ok());
        assert!(DequeueRequest::new(1000, 60_000, 1000).is_ok());
        for (max_runs, wait_ms) in [(0, 0), (-1, 0), (1001, 0), (1, -1), (1, 60_001)] {
            assert_eq!(
                DequeueRequest::new(max_runs, wait_ms, 1000)
                    .unwrap_err()
                    .sqlstate(),
                "22023"
            );
        }
    }
}
