//! What followed the snapshots of callers whose runs have moved on.

use engine_core::{Next, RunId, Shard, SnapshotId, Timestamp};

use crate::backend::cells::Cells;
use crate::backend::parameter::arguments;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::store::row::Caller;

statement!(NEXT, "snapshot_next_read.sql");

/// The snapshots that directly follow these snapshots of runs of one shard, each with both ids.
pub(crate) fn next(
    shard: Shard,
    held: &[(&RunId, &SnapshotId)],
    caller: Caller<'_>,
) -> Vec<((RunId, SnapshotId), Next)> {
    NEXT.query(
        arguments!(NEXT {
            shard,
            worker_id: caller.worker_id,
            runner_id: caller.runner_id,
            run_id: column(held, |(run_id, _)| *run_id),
            snapshot_id: column(held, |(_, snapshot_id)| *snapshot_id)
        }),
        |cells| ((cells.value(), cells.value()), decode(cells)),
    )
}

fn decode(cells: &mut Cells) -> Next {
    Next {
        snapshot_id: cells.value(),
        transition: cells.value(),
        execution_status: cells.value(),
        run_status: cells.value(),
        attempt_number: cells.nullable(),
        description: cells.value(),
        created_at: cells.value(),
        retry_at: cells
            .nullable::<String>()
            .and_then(|at| Timestamp::parse_rfc3339(&at)),
        is_callers: cells.value(),
        before: cells.value(),
    }
}
