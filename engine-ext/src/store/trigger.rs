//! New runs.

use engine_core::{
    ExecutionStatus, JSON_TYPE, NewRun, RunId, RunStatus, SnapshotId, Timestamp, Transition,
};
use serde_json::Value;

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::table::{append, table};
use crate::document::JsonB;
use crate::store::row::{Existing, Root};

table!(RUN, "run", "03_run.sql");
table!(RUN_STATE, "run_state", "03_run.sql");
table!(QUEUE_ITEM, "queue_item", "05_queue_item.sql");
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
    /// The run that its family begins with; none for one without a parent.
    pub(crate) root: Option<Root>,
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

    /// One that begins finished has the number of no attempt.
    pub(crate) fn attempt_number(&self) -> Option<i32> {
        let is_finished = self.execution_status == ExecutionStatus::Finished;
        is_finished.then_some(0)
    }

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

/// Writes new runs, their states and, of those that are queued, their queue items.
pub(crate) fn insert(runs: &[RunRow], now: Timestamp) {
    insert_runs(runs, now);
    insert_states(runs, now);
    insert_items(runs, now);
}

fn insert_runs(runs: &[RunRow], now: Timestamp) {
    append!(RUN, runs, |new| {
        created_at: now,
        queue_timestamp: new.run.queue_timestamp,
        priority_ms: Some(new.run.priority_ms).filter(|priority_ms| *priority_ms != 0),
        delay_until: new.run.delay_until,
        environment_type: new.run.environment.kind,
        depth: new.root.as_ref().map_or(0, |root| root.depth),
        max_attempts: new.run.options.max_attempts,
        max_duration_seconds: new.run.options.max_duration_seconds,
        shard: new.run_id.shard(),
        is_test: new.run.options.is_test.unwrap_or(false),
        resume_parent: new.run.resume_parent,
        id: &new.run_id,
        environment_id: new.run.environment.id.as_str(),
        project_id: new.run.environment.project_id.as_deref(),
        organization_id: new.run.environment.organization_id.as_deref(),
        task: new.run.task.as_str(),
        payload: new.run.payload.as_str(),
        payload_type: Some(new.run.payload_type.as_str()).filter(|of| *of != JSON_TYPE),
        queue: new.run.queue.as_str(),
        worker_queue: new.run.worker_queue.as_str(),
        concurrency_key: new.run.concurrency_key.as_deref(),
        machine: new.run.options.machine.as_deref(),
        retry: new.run.options.retry.clone().map(JsonB),
        tags: new.run.options.tags.as_deref().filter(|tags| !tags.is_empty()),
        metadata: new.run.options.metadata.clone().map(JsonB),
        trace_context: new.run.options.trace_context.clone().map(JsonB),
        annotations: new.run.options.annotations.clone().map(JsonB),
        replayed_from: new.run.replayed_from.as_deref(),
        parent_run_id: new.run.parent_run_id.as_ref(),
        root_run_id: new.root.as_ref().map(|root| &root.run_id),
        batch_id: new.run.batch_id.as_ref(),
        ttl: new.run.ttl.as_deref(),
        idempotency_key: new.run.idempotency_key.as_ref().map(|given| given.key.as_str()),
        debounce: new.run.debounce.as_ref().map(|debounce| JsonB(debounce.stored(now))),
        version: new.run.version.as_deref(),
    });
}

fn insert_states(runs: &[RunRow], now: Timestamp) {
    append!(RUN_STATE, runs, |new| {
        updated_at: now,
        completed_at: new.state.completed_at(now),
        run_status: new.state.run_status,
        execution_status: new.state.execution_status,
        snapshot_ordinal: 1,
        attempt_number: new.state.attempt_number(),
        usage_duration_ms: 0,
        shard: new.run_id.shard(),
        has_waitpoint: new.run.resume_parent,
        is_dead_lettered: false,
        run_id: &new.run_id,
        snapshot_id: &new.snapshot_id,
        error: new.state.error.clone().map(JsonB),
        keep_ms: new.run.keep_ms(),
    });
}

fn insert_items(runs: &[RunRow], now: Timestamp) {
    let queued = runs
        .iter()
        .filter(|new| new.state.execution_status.is_queued());
    append!(QUEUE_ITEM, queued, |new| {
        shard: new.run_id.shard(),
        is_filed: false,
        is_ahead: new.run.available_at < now,
        is_sized: new.run.environment.max_queued(&new.run.queue).is_some(),
        run_id: &new.run_id,
        available_at: new.run.available_at,
        environment_id: new.run.environment.id.as_str(),
        worker_queue: new.run.worker_queue.as_str(),
        queue: new.run.queue.as_str(),
        concurrency_key: new.run.concurrency_key.as_deref().unwrap_or_default(),
        expires_at: new.run.expires_at(now),
    });
}
