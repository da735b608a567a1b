//! The statements that write transitions: a run ends, moves, or is refused.

use engine_core::{
    ExecutionStatus, Finish, Move, Run, Settings, Shard, SlotLimits, SnapshotId, Transition,
};

use crate::backend::position::Positions;
use crate::backend::statement::{Cells, Statement, arguments, statement};
use crate::backend::value::{column, time};
use crate::document::JsonB;
use crate::store::row::Caller;

static FINISH: Statement = statement!("run_finish.sql");
static MOVE: Statement = statement!("run_move.sql");
static REFUSE: Statement = statement!("snapshot_refuse.sql");

/// What all transitions of a call share.
#[derive(Clone, Copy)]
pub(crate) struct By<'a> {
    pub(crate) shard: Shard,
    pub(crate) caller: Caller<'a>,
    pub(crate) settings: &'a Settings,
}

/// The plan for one run, with its new snapshot.
pub(crate) struct Step<'a, T> {
    pub(crate) run: &'a Run,
    pub(crate) snapshot_id: SnapshotId,
    pub(crate) ordinal: i32,
    pub(crate) what: T,
}

/// Ends locked runs. Returns those whose slot counted against a limit, each with whether giving it back is noted.
pub(crate) fn finish(
    by: By<'_>,
    steps: &[Step<'_, Finish>],
    positions: &mut Positions,
) -> Vec<(String, bool)> {
    FINISH.query(
        arguments![
            by.shard.number(),
            time(by.settings.now),
            by.caller.worker_id,
            by.caller.runner_id,
            ExecutionStatus::Finished.as_str(),
            positions.horizon,
            column(steps, |step| step.run.id.as_str()),
            column(steps, |step| step.snapshot_id.as_str()),
            column(steps, |step| step.ordinal),
            positions.column(steps.len()),
            column(steps, |step| step.what.transition.as_str()),
            column(steps, |step| step.what.run_status.as_str()),
            column(steps, |step| &*step.what.description),
            column(steps, |step| step.what.output.as_deref()),
            column(steps, |step| step.what.output_type.as_deref()),
            column(steps, |step| step.what.error.clone().map(JsonB)),
            column(steps, |step| step.what.usage_duration_ms),
            column(steps, |step| step.what.cost_in_cents),
            column(steps, |step| step.what.completed_at.map(time)),
            column(steps, |step| step.what.is_dead_lettered),
            column(steps, |step| step.what.detail.clone().map(JsonB)),
            column(steps, |step| step.run.snapshot_id.as_str()),
            column(steps, |step| step.run.attempt_number),
        ],
        |cells| (cells.value(), cells.value()),
    )
}

/// Moves locked runs. `unwatched` are those whose heartbeat deadline is deleted. Returns the worker queues of due runs.
pub(crate) fn move_on(
    by: By<'_>,
    steps: &[Step<'_, Move>],
    unwatched: Vec<&str>,
    limits: SlotLimits,
    positions: &mut Positions,
) -> Vec<String> {
    MOVE.query(
        arguments![
            by.shard.number(),
            time(by.settings.now),
            by.caller.worker_id,
            by.caller.runner_id,
            positions.horizon,
            column(steps, |step| step.run.id.as_str()),
            column(steps, |step| step.snapshot_id.as_str()),
            column(steps, |step| step.ordinal),
            positions.column(steps.len()),
            column(steps, |step| step.what.transition.as_str()),
            column(steps, |step| step.what.execution_status.as_str()),
            column(steps, |step| step.what.run_status.as_str()),
            column(steps, |step| step.what.run_status.in_snapshot().as_str()),
            column(steps, |step| &*step.what.description),
            column(steps, |step| step.what.is_callers),
            column(steps, |step| by
                .settings
                .heartbeats
                .interval_ms(step.what.execution_status)),
            column(steps, |step| step.what.execution_status.holds_slot()),
            column(steps, |step| step.what.available_at.map(time)),
            column(steps, |step| step.what.queue_attempts),
            column(steps, |step| step.what.carries.batch),
            column(steps, |step| step.what.carries.checkpoint),
            column(steps, |step| step.what.carries.waitpoints),
            column(steps, |step| step.what.carries.metadata),
            column(steps, |step| step.what.batch_id.as_deref()),
            column(steps, |step| step.what.checkpoint_id.as_deref()),
            column(steps, |step| step.what.waitpoints.clone().map(JsonB)),
            column(steps, |step| step.what.machine.as_deref()),
            column(steps, |step| step.what.usage_duration_ms),
            column(steps, |step| step.what.cost_in_cents),
            column(steps, |step| step.what.error.clone().map(JsonB)),
            column(steps, |step| step.what.completed_at.map(time)),
            column(steps, |step| step.what.status_reason.as_deref()),
            column(steps, |step| step.what.detail.clone().map(JsonB)),
            column(steps, |step| step.what.expires_at.map(time)),
            column(steps, |step| step.what.is_sized),
            column(steps, |step| step.run.snapshot_ordinal),
            column(steps, |step| step.run.attempt_number),
            unwatched,
            limits.is_counted,
            limits.is_noted,
            column(steps, |step| step.what.released_attempts),
        ],
        Cells::value,
    )
}

/// Writes the snapshot of a refused dequeue after the latest one.
pub(crate) fn refuse(by: By<'_>, step: &Step<'_, String>, positions: &mut Positions) {
    REFUSE.execute(arguments![
        by.shard.number(),
        time(by.settings.now),
        by.caller.worker_id,
        by.caller.runner_id,
        Transition::Refused.as_str(),
        positions.horizon,
        step.run.id.as_str(),
        step.snapshot_id.as_str(),
        step.ordinal,
        positions.next(),
        step.what.as_str(),
    ]);
}
