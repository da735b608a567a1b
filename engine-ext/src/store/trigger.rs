//! New runs.

use engine_core::{
    BatchId, ExecutionStatus, NewRun, RunId, RunStatus, SnapshotId, Timestamp, Transition,
};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::{Value, json};

use crate::backend::position::Positions;
use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::JsonB;
use crate::store::row::{Caller, Existing, execution_status, run_status};

static TRIGGER: Statement = statement!("trigger.sql");
static EXISTING: Statement = statement!("run_triggered_read.sql");

/// A new run with its ids.
pub(crate) struct RunRow {
    /// The checked options.
    pub(crate) run: NewRun,
    /// The run's bare id.
    pub(crate) run_id: RunId,
    /// The first snapshot.
    pub(crate) snapshot_id: SnapshotId,
    /// The initial state.
    pub(crate) state: InitialState,
}

/// The initial state of a new run.
#[derive(Clone)]
pub(crate) struct InitialState {
    pub(crate) transition: Transition,
    pub(crate) execution_status: ExecutionStatus,
    pub(crate) run_status: RunStatus,
    /// Description of its first snapshot.
    pub(crate) description: &'static str,
    /// When it ended, if it begins finished at another time than now.
    pub(crate) completed_at: Option<Timestamp>,
    /// The error, if it begins finished.
    pub(crate) error: Option<Value>,
    /// Whether its events are suppressed.
    pub(crate) is_silent: bool,
}

impl InitialState {
    /// Queued.
    pub(crate) const QUEUED: Self = Self {
        transition: Transition::Triggered,
        execution_status: ExecutionStatus::Queued,
        run_status: RunStatus::Pending,
        description: "Triggered",
        completed_at: None,
        error: None,
        is_silent: false,
    };

    /// When a run written at `now` ended; `None` for one that has not ended.
    fn completed_at(&self, now: Timestamp) -> Option<Timestamp> {
        let is_finished = self.execution_status == ExecutionStatus::Finished;
        is_finished.then(|| self.completed_at.unwrap_or(now))
    }

    /// Finished before it started.
    pub(crate) const FINISHED: Self = Self {
        execution_status: ExecutionStatus::Finished,
        ..Self::QUEUED
    };

    /// Delayed.
    pub(crate) const DELAYED: Self = Self {
        transition: Transition::TriggeredDelayed,
        execution_status: ExecutionStatus::Delayed,
        run_status: RunStatus::Delayed,
        description: "Triggered: it waits for its time",
        ..Self::QUEUED
    };
}

/// An existing run, if there is one.
pub(crate) fn existing(id: &RunId) -> Option<Existing> {
    EXISTING
        .query(arguments![id.shard().number(), id.as_str()], |cells| {
            Existing {
                run_id: RunId::parse(&cells.value::<String>()),
                snapshot_id: SnapshotId::parse(&cells.value::<String>()),
                run_status: run_status(&cells.value::<String>()),
                execution_status: execution_status(&cells.value::<String>()),
                created_at: cells.value(),
                delay_until: cells
                    .nullable::<TimestampWithTimeZone>()
                    .map(|time| Timestamp::from_micros(time.into())),
            }
        })
        .pop()
}

/// Writes new runs.
pub(crate) fn insert(runs: &[RunRow], caller: Caller<'_>, now: Timestamp) {
    let mut positions = Positions::draw(runs.len());
    TRIGGER.execute(arguments![
        time(now),
        caller.worker_id,
        caller.runner_id,
        positions.horizon,
        column(runs, |new| new.run_id.shard().number()),
        column(runs, |new| new.run_id.as_str()),
        column(runs, |new| new.snapshot_id.as_str()),
        positions.column(runs.len()),
        column(runs, |new| new.state.transition.as_str()),
        column(runs, |new| new.state.execution_status.as_str()),
        column(runs, |new| new.state.run_status.as_str()),
        column(runs, |new| new.state.description),
        column(runs, |new| new.run.environment.id.as_str()),
        column(runs, |new| new.run.environment.kind.as_str()),
        column(runs, |new| new.run.environment.project_id.as_deref()),
        column(runs, |new| new.run.environment.organization_id.as_deref()),
        column(runs, |new| new.run.task.as_str()),
        column(runs, |new| new.run.payload.as_str()),
        column(runs, |new| new.run.payload_type.as_str()),
        column(runs, |new| new.run.queue.as_str()),
        column(runs, |new| new.run.worker_queue.as_str()),
        column(runs, |new| new.run.concurrency_key.as_deref()),
        column(runs, |new| new.run.priority_ms),
        column(runs, |new| time(new.run.queue_timestamp)),
        column(runs, |new| time(new.run.available_at)),
        column(runs, |new| new.run.max_attempts),
        column(runs, |new| new.run.max_duration_seconds),
        column(runs, |new| new.run.machine.as_deref()),
        column(runs, |new| new.run.retry.clone().map(JsonB)),
        column(runs, |new| (!new.run.tags.is_empty())
            .then(|| JsonB(new.run.tags.as_slice().into()))),
        column(runs, |new| new.run.metadata.clone().map(JsonB)),
        column(runs, |new| new.run.is_test),
        column(runs, |new| new.run.trace_context.clone().map(JsonB)),
        column(runs, |new| new.run.annotations.clone().map(JsonB)),
        column(runs, |new| new.run.replayed_from.as_deref()),
        column(runs, |new| new
            .run
            .parent_run_id
            .as_ref()
            .map(RunId::as_str)),
        column(runs, |new| new.state.completed_at(now).map(time)),
        column(runs, |new| new.state.error.clone().map(JsonB)),
        column(runs, |new| new
            .state
            .is_silent
            .then(|| JsonB(json!({"isSilent": true})))),
        column(runs, |new| new
            .run
            .environment
            .max_queued(&new.run.queue)
            .is_some()),
        column(runs, |new| new.run.batch_id.as_ref().map(BatchId::as_str)),
        column(runs, |new| new.run.resume_parent),
        column(runs, |new| new.run.delay_until.map(time)),
        column(runs, |new| new.run.ttl.as_deref()),
        column(runs, |new| new
            .run
            .idempotency_key
            .as_ref()
            .map(|idempotency| idempotency.key.as_str())),
        column(runs, |new| new
            .run
            .debounce
            .as_ref()
            .map(|debounce| JsonB(debounce.stored(now)))),
        column(runs, |new| new.run.version.as_deref()),
        column(runs, |new| new.run.expires_at(now).map(time)),
    ]);
}
