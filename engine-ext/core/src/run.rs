//! A run, as decisions see it.

use serde_json::Value;

use crate::{
    DEFAULT_MAX_ATTEMPTS, EnvironmentType, ExecutionStatus, Machines, Refusal, RetrySettings,
    RunId, RunStatus, SnapshotId,
};

/// A run as read under its lock.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The run's bare id.
    pub id: RunId,
    /// Status for its owner.
    pub run_status: RunStatus,
    /// Status for the engine.
    pub execution_status: ExecutionStatus,
    /// The latest snapshot.
    pub snapshot_id: SnapshotId,
    /// Ordinal of that snapshot.
    pub snapshot_ordinal: i32,
    /// Number of the attempt that started last.
    pub attempt_number: Option<i32>,
    /// Limit on the number of attempts, if set.
    pub max_attempts: Option<i32>,
    /// How often it was requeued because its worker was lost.
    pub queue_attempts: i32,
    /// How many of its attempts do not count against the limit: its worker released it during them.
    pub released_attempts: i32,
    /// Name of its machine.
    pub machine: Option<String>,
    /// Total time of its attempts, milliseconds.
    pub usage_duration_ms: i32,
    /// Cost of that time, cents.
    pub cost_in_cents: f64,
    /// Whether a worker has ever dequeued it.
    pub was_dequeued: bool,
    /// Whether a waitpoint waits for its end.
    pub has_waitpoint: bool,
    /// Whether the queue gave it up.
    pub is_dead_lettered: bool,
    /// Retry settings, as they were passed.
    pub retry: Option<Value>,
    /// Kind of its environment.
    pub environment_type: EnvironmentType,
    /// The batch that it belongs to.
    pub batch_id: Option<String>,
    /// Its error, if it failed.
    pub error: Option<Value>,
    /// Why it is parked.
    pub status_reason: Option<String>,
}

impl Run {
    /// The id of the snapshot that its next transition writes.
    #[must_use]
    pub fn next_snapshot_id(&self) -> SnapshotId {
        self.snapshot_id.next(self.snapshot_ordinal + 1)
    }

    /// Refuses a caller whose snapshot is not the latest.
    pub(crate) fn check_snapshot(&self, given: &SnapshotId) -> Result<(), Refusal> {
        if *given == self.snapshot_id {
            return Ok(());
        }
        Err(Refusal::StaleSnapshot {
            run_id: self.id.clone(),
            given: given.clone(),
            latest: self.snapshot_id.clone(),
            status: self.execution_status,
        })
    }

    /// Whether it has ended and no worker holds it any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.execution_status == ExecutionStatus::Finished
    }

    /// Refuses a command on a run that has ended.
    pub(crate) fn finished(&self) -> Refusal {
        Refusal::RunFinished {
            run_id: self.id.clone(),
            status: self.run_status,
        }
    }

    /// Refuses a command that the run's status does not allow; `asked` is a participle.
    pub(crate) fn wrong_status(&self, asked: &'static str) -> Refusal {
        Refusal::WrongStatus {
            run_id: self.id.clone(),
            asked,
            reason: format!("Its execution status is {}.", self.execution_status),
        }
    }

    /// Limit on the number of attempts: the run's own, else that of its retry settings.
    #[must_use]
    pub fn attempts(&self) -> i32 {
        self.max_attempts.unwrap_or_else(|| {
            let own = self.retry.as_ref().and_then(RetrySettings::parse);
            own.map_or(DEFAULT_MAX_ATTEMPTS, |own| own.max_attempts.max(1))
        })
    }

    /// Total time and cost including `duration_ms` more milliseconds; time stops at the largest integer.
    pub(crate) fn usage_after(&self, duration_ms: i64, machines: &Machines) -> (i32, f64) {
        let usage = i64::from(self.usage_duration_ms).saturating_add(duration_ms);
        let cost = machines.cost(self.environment_type, self.machine.as_deref(), duration_ms);
        (
            i32::try_from(usage).unwrap_or(i32::MAX),
            self.cost_in_cents + cost,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Machine;
    use crate::transition::tests::run_in;

    #[test]
    fn usage_stops_at_the_largest_integer() {
        let run = Run {
            usage_duration_ms: 1000,
            ..run_in(ExecutionStatus::Executing)
        };
        let machines = Machines::built_in(Machine::Small1x);
        assert_eq!(run.usage_after(500, &machines), (1500, 0.0));
        assert_eq!(run.usage_after(i64::MAX, &machines).0, i32::MAX);
    }
}
