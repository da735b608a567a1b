//! Runs: lock them, and apply what core decided.

use engine_core::{
    ExecutionStatus, Finish, Requeue, Run, RunId, RunStatus, Shard, SnapshotId, Timestamp,
};
use pgrx::JsonB;
use pgrx::datum::TimestampWithTimeZone;

use super::environment::environment_type;
use super::statement::{Cells, Statement, arguments, statement};

static LOCK: Statement = statement!("run_lock.sql");
static LOCK_FREE: Statement = statement!("run_lock_free.sql");
static START: Statement = statement!("attempt_start.sql");
static FINISH: Statement = statement!("attempt_finish.sql");
static REQUEUE: Statement = statement!("run_requeue.sql");

/// Who calls, as far as he said.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Caller<'a> {
    /// The machine.
    pub(crate) worker_id: Option<&'a str>,
    /// The process on it.
    pub(crate) runner_id: Option<&'a str>,
}

/// Locks a run; `None` if there is none of this id.
pub(crate) fn lock(id: &RunId) -> Option<Run> {
    LOCK.query(arguments![id.shard().number(), vec![id.as_str()]], decode)
        .pop()
}

/// Locks those of these runs of one shard that nobody else has locked, in the order of their ids.
pub(crate) fn lock_free(shard: Shard, ids: &[&RunId]) -> Vec<Run> {
    LOCK_FREE.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        decode,
    )
}

/// Reads the columns of a run's state, which three statements select in the same order.
pub(super) fn decode(cells: &mut Cells) -> Run {
    Run {
        id: RunId::parse(&cells.value::<String>()),
        run_status: run_status(&cells.value::<String>()),
        execution_status: execution_status(&cells.value::<String>()),
        snapshot_id: SnapshotId::parse(&cells.value::<String>()),
        snapshot_ordinal: cells.value(),
        attempt_number: cells.nullable(),
        max_attempts: cells.nullable(),
        queue_attempts: cells.value(),
        machine: cells.nullable(),
        usage_duration_ms: cells.value(),
        was_dequeued: cells.nullable::<TimestampWithTimeZone>().is_some(),
        environment_type: environment_type(&cells.value::<String>()),
    }
}

/// What an attempt starts with.
pub(crate) struct Start<'a> {
    /// The run, locked.
    pub(crate) run: &'a Run,
    /// Its new snapshot.
    pub(crate) snapshot_id: &'a SnapshotId,
    /// Number of the attempt.
    pub(crate) attempt_number: i32,
    /// Text of the snapshot.
    pub(crate) description: &'a str,
    /// Whether the worker kept its process from another run.
    pub(crate) is_warm_start: bool,
    /// Its machine.
    pub(crate) machine: JsonB,
    /// Time between beats at most, milliseconds.
    pub(crate) heartbeat_ms: i64,
}

/// Starts an attempt; gives what its handler gets to know.
pub(crate) fn start(start: Start<'_>, caller: Caller<'_>, now: Timestamp) -> JsonB {
    let rows = START.query(
        arguments![
            start.run.id.shard().number(),
            time(now),
            caller.worker_id,
            caller.runner_id,
            start.heartbeat_ms,
            ExecutionStatus::Executing.as_str(),
            RunStatus::Executing.as_str(),
            start.description,
            start.run.id.as_str(),
            start.snapshot_id.as_str(),
            start.run.snapshot_ordinal + 1,
            start.attempt_number,
            start.is_warm_start,
            start.machine,
        ],
        |cells| cells.value(),
    );
    match rows.into_iter().next() {
        Some(execution) => execution,
        None => unreachable!("the run is locked"),
    }
}

/// Ends runs for good; all on one shard, in the order of their ids.
pub(crate) fn finish(
    shard: Shard,
    runs: &[(&Run, SnapshotId, Finish)],
    caller: Caller<'_>,
    now: Timestamp,
) {
    FINISH.execute(arguments![
        shard.number(),
        time(now),
        caller.worker_id,
        caller.runner_id,
        ExecutionStatus::Finished.as_str(),
        column(runs, |(run, _, _)| run.id.as_str()),
        column(runs, |(_, snapshot_id, _)| snapshot_id.as_str()),
        column(runs, |(run, _, _)| run.snapshot_ordinal + 1),
        column(runs, |(_, _, finish)| finish.run_status.as_str()),
        column(runs, |(_, _, finish)| finish.description),
        column(runs, |(_, _, finish)| finish.output.as_deref()),
        column(runs, |(_, _, finish)| finish.output_type.as_deref()),
        column(runs, |(_, _, finish)| finish.error.clone().map(JsonB)),
        column(runs, |(_, _, finish)| finish.usage_duration_ms),
    ]);
}

/// Puts runs back into their queues; all on one shard, in the order of their ids.
pub(crate) fn requeue(shard: Shard, runs: &[(&Run, SnapshotId, Requeue)], now: Timestamp) {
    REQUEUE.execute(arguments![
        shard.number(),
        time(now),
        ExecutionStatus::Queued.as_str(),
        RunStatus::Pending.as_str(),
        column(runs, |(run, _, _)| run.id.as_str()),
        column(runs, |(_, snapshot_id, _)| snapshot_id.as_str()),
        column(runs, |(run, _, _)| run.snapshot_ordinal + 1),
        column(runs, |(_, _, requeue)| requeue.description),
        column(runs, |(_, _, requeue)| time(requeue.available_at)),
        column(runs, |(_, _, requeue)| requeue.queue_attempts),
        column(runs, |(_, _, requeue)| requeue.carries),
    ]);
}

/// One array argument: a field of every row.
pub(super) fn column<'a, R, T>(rows: &'a [R], field: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

/// A moment, for SPI.
pub(crate) fn time(moment: Timestamp) -> TimestampWithTimeZone {
    match TimestampWithTimeZone::try_from(moment.micros()) {
        Ok(time) => time,
        // Core's arithmetic saturates far outside of what Postgres can say.
        Err(_) => TimestampWithTimeZone::positive_infinity(),
    }
}

fn run_status(text: &str) -> RunStatus {
    match RunStatus::parse(text) {
        Some(status) => status,
        None => unreachable!("the type has no other values"),
    }
}

fn execution_status(text: &str) -> ExecutionStatus {
    match ExecutionStatus::parse(text) {
        Some(status) => status,
        None => unreachable!("the type has no other values"),
    }
}
