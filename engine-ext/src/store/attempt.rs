//! Starts attempts.

use engine_core::{
    ExecutionStatus, Machines, Run, RunId, RunStatus, Settings, Shard, SnapshotId, Transition,
};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::position::Positions;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::{JsonB, Stored};
use crate::store::row::Caller;

statement!(START, "attempt_start.sql");
statement!(DOCUMENT, "attempt_document_read.sql");

/// An attempt to start.
pub(crate) struct Start<'a> {
    /// The locked run.
    pub(crate) run: &'a Run,
    /// The new snapshot.
    pub(crate) snapshot_id: SnapshotId,
    /// Number of the attempt.
    pub(crate) attempt_number: i32,
}

/// Starts attempts of runs of one shard.
pub(crate) fn start(
    shard: Shard,
    starts: &[Start<'_>],
    is_warm_start: bool,
    caller: Caller<'_>,
    settings: &Settings,
) {
    let mut positions = Positions::draw(starts.len());
    let status = ExecutionStatus::Executing;
    START.execute(arguments!(START {
        shard,
        now: settings.now,
        worker_id: caller.worker_id,
        runner_id: caller.runner_id,
        heartbeat_ms: settings.heartbeats.interval_ms(status),
        transition: Transition::Started,
        execution_status: status,
        run_status: RunStatus::Executing,
        horizon: positions.horizon,
        warm_start: is_warm_start,
        run_id: column(starts, |start| &start.run.id),
        snapshot_id: column(starts, |start| &start.snapshot_id),
        ordinal: column(starts, |start| start.run.snapshot_ordinal + 1),
        position: positions.column(starts.len()),
        attempt_number: column(starts, |start| start.attempt_number)
    }));
}

/// What handlers may know of the attempts that these runs of one shard started last, in no order.
pub(crate) fn documents(shard: Shard, ids: &[&RunId], machines: &Machines) -> Vec<(RunId, Stored)> {
    DOCUMENT.query(
        arguments!(DOCUMENT {
            shard,
            run_ids: ids,
            machines: JsonB(machines.all_to_json())
        }),
        |cells| {
            (
                cell!(cells, DOCUMENT.run_id),
                cell!(cells, DOCUMENT.execution),
            )
        },
    )
}
