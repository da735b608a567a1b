//! New runs.

use engine_core::{
    BatchId, ExecutionStatus, NewRun, RunId, RunStatus, SnapshotId, Timestamp, Transition,
};
use pgrx::datum::TimestampWithTimeZone;
use serde_json::{Value, json};

use super::position::Positions;
use super::run::{Caller, column, execution_status, run_status, time};
use super::statement::{Statement, arguments, statement};
use super::timer;
use crate::document::JsonB;
use crate::wakeup::bell;

static TRIGGER: Statement = statement!("trigger.sql");
static EXISTING: Statement = statement!("run_triggered_read.sql");

/// A new run with its ids.
pub(crate) struct Minted {
    /// The run.
    pub(crate) run: NewRun,
    /// Its id.
    pub(crate) run_id: RunId,
    /// Its first snapshot.
    pub(crate) snapshot_id: SnapshotId,
    /// What it begins as.
    pub(crate) birth: Birth,
}

/// What a new run begins as.
#[derive(Clone)]
pub(crate) struct Birth {
    pub(crate) transition: Transition,
    pub(crate) execution_status: ExecutionStatus,
    pub(crate) run_status: RunStatus,
    /// Text of its first snapshot.
    pub(crate) description: &'static str,
    /// When it ended, if it begins finished and is to say something else than now.
    pub(crate) completed_at: Option<Timestamp>,
    /// Its error, if it begins finished.
    pub(crate) error: Option<Value>,
    /// Whether nobody is told.
    pub(crate) is_silent: bool,
}

impl Birth {
    /// In its queue.
    pub(crate) const QUEUED: Self = Self {
        transition: Transition::Triggered,
        execution_status: ExecutionStatus::Queued,
        run_status: RunStatus::Pending,
        description: "Triggered",
        completed_at: None,
        error: None,
        is_silent: false,
    };

    /// When a run that is written `now` ended; `None` for one that goes on.
    fn completed_at(&self, now: Timestamp) -> Option<Timestamp> {
        let is_finished = self.execution_status == ExecutionStatus::Finished;
        is_finished.then(|| self.completed_at.unwrap_or(now))
    }

    /// Waiting for its time.
    pub(crate) const DELAYED: Self = Self {
        transition: Transition::TriggeredDelayed,
        execution_status: ExecutionStatus::Delayed,
        run_status: RunStatus::Delayed,
        description: "Triggered: it waits for its time",
        ..Self::QUEUED
    };
}

/// A run that was there before, as its trigger returns it.
#[derive(Clone)]
pub(crate) struct Existing {
    pub(crate) run_id: RunId,
    pub(crate) snapshot_id: SnapshotId,
    pub(crate) run_status: RunStatus,
    pub(crate) execution_status: ExecutionStatus,
    pub(crate) created_at: TimestampWithTimeZone,
    /// When it is due, if it was delayed.
    pub(crate) delay_until: Option<Timestamp>,
}

/// A run that is there, if it is.
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
pub(crate) fn insert(runs: &[Minted], caller: Caller<'_>, now: Timestamp) {
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
        column(runs, |new| new.birth.transition.as_str()),
        column(runs, |new| new.birth.execution_status.as_str()),
        column(runs, |new| new.birth.run_status.as_str()),
        column(runs, |new| new.birth.description),
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
        column(runs, |new| new.birth.completed_at(now).map(time)),
        column(runs, |new| new.birth.error.clone().map(JsonB)),
        column(runs, |new| new
            .birth
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
    let is_delayed = |new: &&Minted| new.birth.execution_status == ExecutionStatus::Delayed;
    let timers: Vec<(&RunId, Timestamp)> = runs
        .iter()
        .filter(is_delayed)
        .filter_map(|new| Some((&new.run_id, new.run.delay_until?)))
        .collect();
    timer::end_delays(&timers);
    let is_due =
        |new: &&Minted| new.birth.execution_status.is_queued() && new.run.available_at <= now;
    for new in runs.iter().filter(is_due) {
        bell::ring_at_commit(&new.run.worker_queue);
    }
}
