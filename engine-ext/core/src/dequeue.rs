//! What a worker may ask of its queue.

use crate::Refusal;

/// Longest wait of a call, milliseconds: a call that waits keeps its transaction open.
const MAX_WAIT_MS: i32 = 60_000;

/// A checked request for runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DequeueRequest {
    /// How many runs at most.
    pub max_runs: i32,
    /// How long to wait for the first one, milliseconds.
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

#[cfg(test)]
mod tests {
    use super::*;

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
