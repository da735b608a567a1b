//! Heartbeat deadlines.

use crate::ExecutionStatus;

/// Deadlines of the five watched statuses, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeats {
    /// Until a dequeued run must be started.
    pub pending_executing_ms: i64,
    /// Until a running attempt must beat.
    pub executing_ms: i64,
    /// Until a waiting attempt must beat.
    pub executing_with_waitpoints_ms: i64,
    /// Until a worker must confirm a cancel.
    pub pending_cancel_ms: i64,
    /// Until the engine checks whether a suspended run can continue.
    pub suspended_ms: i64,
}

impl Heartbeats {
    /// The deadline of a status; `None` for a status that is not watched.
    #[must_use]
    pub const fn interval_ms(&self, status: ExecutionStatus) -> Option<i64> {
        use ExecutionStatus::*;
        match status {
            PendingExecuting => Some(self.pending_executing_ms),
            Executing => Some(self.executing_ms),
            ExecutingWithWaitpoints => Some(self.executing_with_waitpoints_ms),
            PendingCancel => Some(self.pending_cancel_ms),
            Suspended => Some(self.suspended_ms),
            RunCreated | Delayed | Queued | QueuedExecuting | Finished => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transition::tests::settings;

    #[test]
    fn the_statuses_that_are_watched_have_a_deadline_and_no_other_has() {
        for status in ExecutionStatus::ALL {
            let interval = settings().heartbeats.interval_ms(*status);
            assert_eq!(interval.is_some(), status.has_heartbeat(), "{status}");
        }
    }
}
