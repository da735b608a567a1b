//! What followed the snapshots of callers whose runs have moved on.

use engine_core::{Next, RunId, Shard, SnapshotId, Timestamp};

use crate::backend::cells::{Cells, cell};
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
        |cells| {
            let of = (cell!(cells, NEXT.run_id), cell!(cells, NEXT.snapshot_id));
            (of, decode(cells))
        },
    )
}

fn decode(cells: &Cells<NEXT>) -> Next {
    Next {
        snapshot_id: cell!(cells, NEXT.next_id),
        transition: cell!(cells, NEXT.transition),
        execution_status: cell!(cells, NEXT.execution_status),
        run_status: cell!(cells, NEXT.run_status),
        attempt_number: cell!(cells, NEXT.attempt_number),
        description: cell!(cells, NEXT.description),
        created_at: cell!(cells, NEXT.created_at),
        retry_at: cell!(cells, NEXT.retry_at as Option<String>)
            .and_then(|at| Timestamp::parse_rfc3339(&at)),
        is_callers: cell!(cells, NEXT.is_callers),
        before: cell!(cells, NEXT.before),
    }
}
