//! Runs: locked and read.

use std::collections::BTreeMap;

use engine_core::{ExecutionStatus, Run, RunId, RunStatus, Shard, SnapshotId, Timestamp};
use pgrx::datum::TimestampWithTimeZone;

use super::environment::environment_type;
use super::statement::{Cells, Statement, arguments, statement};
use crate::document::JsonB;

static LOCK: Statement = statement!("run_lock.sql");
static LOCK_FREE: Statement = statement!("run_lock_free.sql");
static EXISTS: Statement = statement!("run_exists.sql");
static LAST_ORDINAL: Statement = statement!("snapshot_last_ordinal.sql");
static MARK_AWAITED: Statement = statement!("run_waitpoint_mark.sql");
static RESULT: Statement = statement!("run_result_read.sql");
static VERSIONS: Statement = statement!("run_version_read.sql");
static BULK_ACTION: Statement = statement!("run_bulk_action.sql");

/// Who calls: written to the snapshots of what is done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Caller<'a> {
    /// The worker.
    pub(crate) worker_id: Option<&'a str>,
    /// Its process or machine.
    pub(crate) runner_id: Option<&'a str>,
}

/// Locks a run; `None` if there is none of this id.
pub(crate) fn lock(id: &RunId) -> Option<Run> {
    lock_all(id.shard(), &[id]).pop()
}

/// Locks these runs of one shard, in the order of their ids; those that do not exist are left out.
pub(crate) fn lock_all(shard: Shard, ids: &[&RunId]) -> Vec<Run> {
    LOCK.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        decode,
    )
}

/// Locks those of these runs of one shard that nobody else has locked, in the order of their ids.
pub(crate) fn lock_free(shard: Shard, ids: &[&RunId]) -> Vec<Run> {
    LOCK_FREE.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        decode,
    )
}

/// Those of these runs that exist.
pub(crate) fn existing(ids: &[&RunId]) -> Vec<RunId> {
    let shards = column(ids, |id| id.shard().number());
    EXISTS.query(arguments![shards, column(ids, |id| id.as_str())], |cells| {
        RunId::parse(&cells.value::<String>())
    })
}

/// The versions that do these runs of one shard, where that is known.
pub(crate) fn versions(shard: Shard, ids: &[&RunId]) -> BTreeMap<RunId, String> {
    let rows = VERSIONS.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| (RunId::parse(&cells.value::<String>()), cells.value()),
    );
    rows.into_iter().collect()
}

/// The ordinal of the last snapshot of a locked run, the invalid ones included.
pub(crate) fn last_ordinal(run: &Run) -> i32 {
    let rows = LAST_ORDINAL.query(
        arguments![run.id.shard().number(), run.id.as_str()],
        Cells::value,
    );
    rows.into_iter().next().unwrap_or(run.snapshot_ordinal)
}

/// Has the end of a locked run complete its waitpoint.
pub(crate) fn mark_awaited(run: &Run) {
    MARK_AWAITED.execute(arguments![run.id.shard().number(), run.id.as_str()]);
}

/// How a run ended, and where it belongs.
pub(crate) struct RunResult {
    pub(crate) environment_id: String,
    pub(crate) output: Option<String>,
    pub(crate) output_type: Option<String>,
}

/// How a locked run ended, and where it belongs.
pub(crate) fn result(run: &Run) -> RunResult {
    let rows = RESULT.query(
        arguments![run.id.shard().number(), run.id.as_str()],
        |cells| RunResult {
            environment_id: cells.value(),
            output: cells.nullable(),
            output_type: cells.nullable(),
        },
    );
    match rows.into_iter().next() {
        Some(result) => result,
        None => unreachable!("a run with a state is a run"),
    }
}

/// Writes down the bulk action that a locked run was a part of.
pub(crate) fn add_bulk_action(run: &Run, bulk_action_id: &str) {
    BULK_ACTION.execute(arguments![
        run.id.shard().number(),
        run.id.as_str(),
        bulk_action_id
    ]);
}

/// Reads the columns of a run, which three statements select in the same order.
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
        released_attempts: cells.value(),
        machine: cells.nullable(),
        usage_duration_ms: cells.value(),
        cost_in_cents: cells.value(),
        was_dequeued: cells.nullable::<TimestampWithTimeZone>().is_some(),
        has_waitpoint: cells.value(),
        is_dead_lettered: cells.value(),
        retry: cells.nullable::<JsonB>().map(|json| json.0),
        environment_type: environment_type(&cells.value::<String>()),
        batch_id: cells.nullable(),
        error: cells.nullable::<JsonB>().map(|json| json.0),
        status_reason: cells.nullable(),
    }
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
        Err(_) if moment.micros() < 0 => TimestampWithTimeZone::negative_infinity(),
        Err(_) => TimestampWithTimeZone::positive_infinity(),
    }
}

/// A column that is a moment.
pub(super) fn moment(cells: &mut Cells) -> Timestamp {
    Timestamp::from_micros(cells.value::<TimestampWithTimeZone>().into())
}

pub(super) fn run_status(text: &str) -> RunStatus {
    match RunStatus::parse(text) {
        Some(status) => status,
        None => unreachable!("the type has no other values"),
    }
}

pub(super) fn execution_status(text: &str) -> ExecutionStatus {
    match ExecutionStatus::parse(text) {
        Some(status) => status,
        None => unreachable!("the type has no other values"),
    }
}
