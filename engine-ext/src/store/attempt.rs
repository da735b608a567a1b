//! Starts attempts.

use engine_core::{
    ExecutionStatus, Run, RunId, RunStatus, Settings, Shard, SnapshotId, Transition,
};

use crate::backend::position::Positions;
use crate::backend::statement::{Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::{JsonB, Stored};
use crate::store::row::Caller;

static START: Statement = statement!("attempt_start.sql");

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
        arguments![
            shard.number(),
            time(settings.now),
            caller.worker_id,
            caller.runner_id,
            settings.heartbeats.interval_ms(status),
            Transition::Started.as_str(),
            status.as_str(),
            RunStatus::Executing.as_str(),
            description,
            positions.horizon,
            is_warm_start,
            column(starts, |start| start.run.id.as_str()),
            column(starts, |start| start.snapshot_id.as_str()),
            column(starts, |start| start.run.snapshot_ordinal + 1),
            positions.column(starts.len()),
            column(starts, |start| start.attempt_number),
            column(starts, machine),
        ],
        |cells| (RunId::parse(&cells.value::<String>()), cells.value()),
    )
}
