//! Starts attempts.

use engine_core::{
    ExecutionStatus, Run, RunId, RunStatus, Settings, Shard, SnapshotId, Transition,
};

use crate::backend::parameter::arguments;
use crate::backend::position::Positions;
use crate::backend::statement::statement;
use crate::backend::value::column;
use crate::document::{JsonB, Stored};
use crate::store::row::Caller;

statement!(START, "attempt_start.sql");

/// An attempt to start.
pub(crate) struct Start<'a> {
    /// The locked run.
    pub(crate) run: &'a Run,
    /// The new snapshot.
    pub(crate) snapshot_id: SnapshotId,
    /// Number of the attempt.
    pub(crate) attempt_number: i32,
}

/// Starts attempts of runs of one shard; returns the handlers' execution data, in no order.
pub(crate) fn start(
    shard: Shard,
    starts: &[Start<'_>],
    description: &str,
    is_warm_start: bool,
    caller: Caller<'_>,
    settings: &Settings,
) -> Vec<(RunId, Stored)> {
    let mut positions = Positions::draw(starts.len());
    let status = ExecutionStatus::Executing;
    let machine = |start: &Start<'_>| {
        let machines = &settings.machines;
        JsonB(machines.to_json(machines.resolve(start.run.machine.as_deref())))
    };
    START.query(
        arguments!(START {
            shard,
            now: settings.now,
            worker_id: caller.worker_id,
            runner_id: caller.runner_id,
            heartbeat_ms: settings.heartbeats.interval_ms(status),
            transition: Transition::Started.as_str(),
            execution_status: status.as_str(),
            run_status: RunStatus::Executing.as_str(),
            description,
            horizon: positions.horizon,
            warm_start: is_warm_start,
            run_id: column(starts, |start| start.run.id.as_str()),
            snapshot_id: column(starts, |start| start.snapshot_id.as_str()),
            ordinal: column(starts, |start| start.run.snapshot_ordinal + 1),
            position: positions.column(starts.len()),
            attempt_number: column(starts, |start| start.attempt_number),
            machine: column(starts, machine)
        }),
        |cells| (cells.value(), cells.value()),
    )
}
