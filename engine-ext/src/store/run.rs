//! Locks and reads runs.

use std::collections::BTreeMap;

use engine_core::{Run, RunId, Shard};

use crate::backend::statement::{Cells, Statement, arguments, statement};
use crate::backend::value::column;
use crate::store::row::decode;

static LOCK: Statement = statement!("run_lock.sql");
static LOCK_FREE: Statement = statement!("run_lock_free.sql");
static EXISTS: Statement = statement!("run_exists.sql");
static LAST_ORDINAL: Statement = statement!("snapshot_last_ordinal.sql");
static MARK_AWAITED: Statement = statement!("run_waitpoint_mark.sql");
static RESULT: Statement = statement!("run_result_read.sql");
static VERSIONS: Statement = statement!("run_version_read.sql");
static BULK_ACTION: Statement = statement!("run_bulk_action.sql");

/// Locks a run; `None` if there is none with this id.
pub(crate) fn lock(id: &RunId) -> Option<Run> {
    lock_all(id.shard(), &[id]).pop()
}

/// Locks these runs of one shard, in the order of their ids, without those that do not exist.
pub(crate) fn lock_all(shard: Shard, ids: &[&RunId]) -> Vec<Run> {
    LOCK.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        decode,
    )
}

/// Locks the runs among these of one shard that no other session has locked, in the order of their ids.
pub(crate) fn lock_free(shard: Shard, ids: &[&RunId]) -> Vec<Run> {
    LOCK_FREE.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        decode,
    )
}

/// The existing runs among these.
pub(crate) fn existing(ids: &[&RunId]) -> Vec<RunId> {
    let shards = column(ids, |id| id.shard().number());
    EXISTS.query(arguments![shards, column(ids, |id| id.as_str())], |cells| {
        RunId::parse(&cells.value::<String>())
    })
}

/// The versions that execute these runs of one shard, where they are known.
pub(crate) fn versions(shard: Shard, ids: &[&RunId]) -> BTreeMap<RunId, String> {
    let rows = VERSIONS.query(
        arguments![shard.number(), column(ids, |id| id.as_str())],
        |cells| (RunId::parse(&cells.value::<String>()), cells.value()),
    );
    rows.into_iter().collect()
}

/// The ordinal of the last snapshot of a locked run, including invalid ones.
pub(crate) fn last_ordinal(run: &Run) -> i32 {
    let rows = LAST_ORDINAL.query(
        arguments![run.id.shard().number(), run.id.as_str()],
        Cells::value,
    );
    rows.into_iter().next().unwrap_or(run.snapshot_ordinal)
}

/// Records that the end of a locked run completes a waitpoint.
pub(crate) fn mark_awaited(run: &Run) {
    MARK_AWAITED.execute(arguments![run.id.shard().number(), run.id.as_str()]);
}

/// The result of a run, and its environment.
pub(crate) struct RunResult {
    pub(crate) environment_id: String,
    pub(crate) output: Option<String>,
    pub(crate) output_type: Option<String>,
}

/// The result of a locked run, and its environment.
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

/// Records the bulk action that a locked run was part of.
pub(crate) fn add_bulk_action(run: &Run, bulk_action_id: &str) {
    BULK_ACTION.execute(arguments![
        run.id.shard().number(),
        run.id.as_str(),
        bulk_action_id
    ]);
}
