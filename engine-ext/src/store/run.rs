//! Locks and reads runs.

use std::collections::BTreeMap;

use engine_core::{Run, RunId, Shard};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::table::{look_up, table};
use crate::backend::value::column;
use crate::store::row::{RUN, Root, run};

table!(RUN_TABLE, "run", "03_run.sql");
statement!(LOCK, "run_lock.sql" -> RUN);
statement!(LOCK_FREE, "run_lock_free.sql" -> RUN);
statement!(EXISTS, "run_exists.sql");
statement!(ROOT, "run_root_read.sql");
statement!(KEEPS_NOTHING, "run_keeps_nothing.sql");
statement!(LAST_ORDINAL, "run_last_ordinal.sql");
statement!(MARK_AWAITED, "run_waitpoint_mark.sql");
statement!(RESULT, "run_result_read.sql");
statement!(VERSIONS, "run_version_read.sql");
statement!(BULK_ACTION, "run_bulk_action.sql");

/// Locks a run; `None` if there is none with this id.
pub(crate) fn lock(id: &RunId) -> Option<Run> {
    lock_all(id.shard(), &[id]).pop()
}

/// Locks these runs of one shard, in the order of their ids, without those that do not exist.
pub(crate) fn lock_all(shard: Shard, ids: &[&RunId]) -> Vec<Run> {
    LOCK.query(
        arguments!(LOCK {
            shard,
            run_ids: ids
        }),
        |cells| run!(cells, RUN),
    )
}

/// Locks the runs among these of one shard that no other session has locked, in the order of their ids.
pub(crate) fn lock_free(shard: Shard, ids: &[&RunId]) -> Vec<Run> {
    LOCK_FREE.query(
        arguments!(LOCK_FREE {
            shard,
            run_ids: ids
        }),
        |cells| run!(cells, RUN),
    )
}

/// The existing runs among these.
pub(crate) fn existing(ids: &[&RunId]) -> Vec<RunId> {
    let shards = column(ids, |id| id.shard().number());
    EXISTS.query(
        arguments!(EXISTS {
            shards,
            run_ids: ids
        }),
        cell!(EXISTS.run_id),
    )
}

/// The environments of the existing runs among these, which never change. A caller with some environments only has each run
/// that it names looked up: a statement would cost it several times as much.
pub(crate) fn environments<'a>(ids: &[&'a RunId]) -> Vec<(&'a RunId, String)> {
    let keys = ids.iter().map(|id| (id.shard(), id.as_str()));
    let found = look_up!(RUN_TABLE, keys, environment_id);
    let existing = |(id, found): (&&'a RunId, _)| Some((*id, found?));
    ids.iter().zip(found).filter_map(existing).collect()
}

/// What children of these runs have for a root, where the parent exists.
pub(crate) fn roots_of_children(parents: &[&RunId]) -> BTreeMap<RunId, Root> {
    let shards = column(parents, |id| id.shard().number());
    let rows = ROOT.query(
        arguments!(ROOT {
            shards,
            run_ids: parents
        }),
        |cells| {
            let root = Root {
                run_id: cell!(cells, ROOT.root_run_id),
                depth: cell!(cells, ROOT.depth),
            };
            (cell!(cells, ROOT.id), root)
        },
    );
    rows.into_iter().collect()
}

/// Whether a run has ended of which nothing is kept.
pub(crate) fn keeps_nothing(id: &RunId) -> bool {
    let arguments = arguments!(KEEPS_NOTHING {
        shard: id.shard(),
        run_id: id.as_str()
    });
    let found = KEEPS_NOTHING.query(arguments, cell!(KEEPS_NOTHING.keeps_nothing));
    found.into_iter().next().unwrap_or(false)
}

/// The versions that execute these runs of one shard, where they are known.
pub(crate) fn versions(shard: Shard, ids: &[&RunId]) -> BTreeMap<RunId, String> {
    let rows = VERSIONS.query(
        arguments!(VERSIONS {
            shard,
            run_ids: ids
        }),
        |cells| {
            (
                cell!(cells, VERSIONS.run_id),
                cell!(cells, VERSIONS.version),
            )
        },
    );
    rows.into_iter().collect()
}

/// The ordinal of the last snapshot of a locked run, including invalid ones.
pub(crate) fn last_ordinal(run: &Run) -> i32 {
    let rows = LAST_ORDINAL.query(
        arguments!(LAST_ORDINAL {
            shard: run.id.shard(),
            run_id: run.id.as_str()
        }),
        cell!(LAST_ORDINAL.ordinal),
    );
    rows.into_iter().next().unwrap_or(run.snapshot_ordinal)
}

/// Records that the end of a locked run completes a waitpoint.
pub(crate) fn mark_awaited(run: &Run) {
    MARK_AWAITED.execute(arguments!(MARK_AWAITED {
        shard: run.id.shard(),
        run_id: run.id.as_str()
    }));
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
        arguments!(RESULT {
            shard: run.id.shard(),
            run_id: run.id.as_str()
        }),
        |cells| RunResult {
            environment_id: cell!(cells, RESULT.environment_id),
            output: cell!(cells, RESULT.output),
            output_type: cell!(cells, RESULT.output_type),
        },
    );
    match rows.into_iter().next() {
        Some(result) => result,
        None => unreachable!("a run with a state is a run"),
    }
}

/// Records the bulk action that a locked run was part of.
pub(crate) fn add_bulk_action(run: &Run, bulk_action_id: &str) {
    BULK_ACTION.execute(arguments!(BULK_ACTION {
        shard: run.id.shard(),
        run_id: run.id.as_str(),
        bulk_action_id
    }));
}
