//! New runs.

use engine_core::{ExecutionStatus, NewRun, RunId, RunStatus, SnapshotId, Timestamp, Transition};
use serde_json::{Value, json};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::position::Positions;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::JsonB;
use crate::store::row::{Caller, Existing};

statement!(TRIGGER, "trigger.sql");
statement!(EXISTING, "run_triggered_read.sql");

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

    /// The text to store of the first snapshot: none, if it is the usual one of its transition.
    fn unusual_description(&self) -> Option<&'static str> {
        (self.description != self.transition.description()).then_some(self.description)
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
        .query(
            arguments!(EXISTING {
                shard: id.shard(),
                run_id: id.as_str()
            }),
            |cells| Existing {
                run_id: cell!(cells, EXISTING.id),
                snapshot_id: Some(cell!(cells, EXISTING.snapshot_id)),
                run_status: Some(cell!(cells, EXISTING.run_status)),
                execution_status: cell!(cells, EXISTING.execution_status),
                created_at: Some(cell!(cells, EXISTING.created_at)),
                delay_until: cell!(cells, EXISTING.delay_until),
            },
        )
        .pop()
}

/// Writes new runs.
pub(crate) fn insert(runs: &[RunRow], caller: Caller<'_>, now: Timestamp) {
    let mut positions = Positions::draw(runs.len());
    TRIGGER.execute(arguments!(TRIGGER {
        now,
        worker_id: caller.worker_id,
        runner_id: caller.runner_id,
        horizon: positions.horizon,
        shard: column(runs, |new| new.run_id.shard()),
        run_id: column(runs, |new| new.run_id.as_str()),
        snapshot_id: column(runs, |new| new.snapshot_id.as_str()),
        position: positions.column(runs.len()),
        transition: column(runs, |new| new.state.transition.as_str()),
        execution_status: column(runs, |new| new.state.execution_status.as_str()),
        run_status: column(runs, |new| new.state.run_status.as_str()),
        description: column(runs, |new| new.state.unusual_description()),
        environment_id: column(runs, |new| new.run.environment.id.as_str()),
        environment_type: column(runs, |new| new.run.environment.kind.as_str()),
        project_id: column(runs, |new| new.run.environment.project_id.as_deref()),
        organization_id: column(runs, |new| new.run.environment.organization_id.as_deref()),
        task: column(runs, |new| new.run.task.as_str()),
        payload: column(runs, |new| new.run.payload.as_str()),
        payload_type: column(runs, |new| new.run.payload_type.as_str()),
        queue: column(runs, |new| new.run.queue.as_str()),
        worker_queue: column(runs, |new| new.run.worker_queue.as_str()),
        concurrency_key: column(runs, |new| new.run.concurrency_key.as_deref()),
        priority_ms: column(runs, |new| new.run.priority_ms),
        queue_timestamp: column(runs, |new| new.run.queue_timestamp),
        available_at: column(runs, |new| new.run.available_at),
        max_attempts: column(runs, |new| new.run.max_attempts),
        max_duration_seconds: column(runs, |new| new.run.max_duration_seconds),
        machine: column(runs, |new| new.run.machine.as_deref()),
        retry: column(runs, |new| new.run.retry.clone().map(JsonB)),
        tags: column(runs, |new| (!new.run.tags.is_empty())
            .then(|| JsonB(new.run.tags.as_slice().into()))),
        metadata: column(runs, |new| new.run.metadata.clone().map(JsonB)),
        is_test: column(runs, |new| new.run.is_test),
        trace_context: column(runs, |new| new.run.trace_context.clone().map(JsonB)),
        annotations: column(runs, |new| new.run.annotations.clone().map(JsonB)),
        replayed_from: column(runs, |new| new.run.replayed_from.as_deref()),
        parent_run_id: column(runs, |new| new.run.parent_run_id.as_ref()),
        completed_at: column(runs, |new| new.state.completed_at(now)),
        error: column(runs, |new| new.state.error.clone().map(JsonB)),
        detail: column(runs, |new| new
            .state
            .is_silent
            .then(|| JsonB(json!({"isSilent": true})))),
        is_sized: column(runs, |new| new
            .run
            .environment
            .max_queued(&new.run.queue)
            .is_some()),
        batch_id: column(runs, |new| new.run.batch_id.as_ref()),
        resume_parent: column(runs, |new| new.run.resume_parent),
        delay_until: column(runs, |new| new.run.delay_until),
        ttl: column(runs, |new| new.run.ttl.as_deref()),
        idempotency_key: column(runs, |new| new
            .run
            .idempotency_key
            .as_ref()
            .map(|idempotency| idempotency.key.as_str())),
        debounce: column(runs, |new| new
            .run
            .debounce
            .as_ref()
            .map(|debounce| JsonB(debounce.stored(now)))),
        version: column(runs, |new| new.run.version.as_deref()),
        expires_at: column(runs, |new| new.run.expires_at(now))
    }));
}
