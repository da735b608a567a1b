//! New runs.

use engine_core::{ExecutionStatus, NewRun, RunId, RunStatus, SnapshotId, Timestamp};
use pgrx::JsonB;

use super::run::{Caller, column, time};
use super::statement::{Statement, arguments, statement};

static EXISTS: Statement = statement!("run_exists.sql");
static TRIGGER: Statement = statement!("trigger.sql");

/// A new run with its ids.
pub(crate) struct Minted {
    /// The run.
    pub(crate) run: NewRun,
    /// Its id.
    pub(crate) run_id: RunId,
    /// Its first snapshot.
    pub(crate) snapshot_id: SnapshotId,
}

/// One of these ids that is taken.
pub(crate) fn taken(ids: &[&RunId]) -> Option<RunId> {
    let shards = column(ids, |id| id.shard().number());
    EXISTS
        .query(arguments![shards, column(ids, |id| id.as_str())], |cells| {
            RunId::parse(&cells.value::<String>())
        })
        .pop()
}

/// Writes new runs, queued.
pub(crate) fn insert(runs: &[Minted], description: &str, caller: Caller<'_>, now: Timestamp) {
    TRIGGER.execute(arguments![
        time(now),
        caller.worker_id,
        caller.runner_id,
        ExecutionStatus::Queued.as_str(),
        RunStatus::Pending.as_str(),
        description,
        column(runs, |new| new.run_id.shard().number()),
        column(runs, |new| new.run_id.as_str()),
        column(runs, |new| new.snapshot_id.as_str()),
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
        column(runs, |new| (!new.run.tags.is_empty())
            .then(|| JsonB(new.run.tags.as_slice().into()))),
        column(runs, |new| new.run.metadata.clone().map(JsonB)),
        column(runs, |new| new.run.is_test),
        column(runs, |new| new.run.trace_context.clone().map(JsonB)),
        column(runs, |new| new.run.annotations.clone().map(JsonB)),
        column(runs, |new| new.run.replayed_from.as_deref()),
    ]);
}
