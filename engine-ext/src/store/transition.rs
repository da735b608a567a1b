//! The statements that write transitions: a run ends, moves, or is refused.

use engine_core::{
    ExecutionStatus, Finish, Move, Run, Settings, Shard, SlotLimits, SnapshotId, Transition,
};

use crate::backend::cells::cell;
use crate::backend::parameter::arguments;
use crate::backend::position::Positions;
use crate::backend::statement::statement;
use crate::backend::table::{Kept, change, delete, table};
use crate::backend::value::column;
use crate::document::JsonB;
use crate::store::row::Caller;

table!(RUN_STATE, "run_state", "03_run.sql");
table!(HEARTBEAT, "heartbeat", "06_heartbeat.sql");
statement!(FINISH, "run_finish.sql");
statement!(KEEP_TIMER, "run_keep_timer.sql");
statement!(MOVE, "run_move.sql");
statement!(REFUSE, "snapshot_refuse.sql");

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
pub(crate) fn finish(by: By<'_>, steps: &[Step<'_, Finish>]) -> Vec<(String, bool)> {
    if HEARTBEAT.is_plain() && RUN_STATE.is_plain() {
        return finish_simply(by, steps);
    }
    FINISH.query(
        arguments!(FINISH {
            shard: by.shard,
            now: by.settings.now,
            execution_status: ExecutionStatus::Finished,
            run_id: column(steps, |step| &step.run.id),
            snapshot_id: column(steps, |step| &step.snapshot_id),
            ordinal: column(steps, |step| step.ordinal),
            run_status: column(steps, |step| step.what.run_status),
            output: column(steps, |step| step.what.output.as_deref()),
            output_type: column(steps, |step| step.what.output_type.as_deref()),
            error: column(steps, |step| step.what.error.clone().map(JsonB)),
            usage_duration_ms: column(steps, |step| step.what.usage_duration_ms),
            cost_in_cents: column(steps, |step| step.what.cost_in_cents),
            completed_at: column(steps, |step| step.what.completed_at),
            is_dead_lettered: column(steps, |step| step.what.is_dead_lettered)
        }),
        |cells| (cell!(cells, FINISH.run_id), cell!(cells, FINISH.is_noted)),
    )
}

/// Does what the statement does.
fn finish_simply(by: By<'_>, steps: &[Step<'_, Finish>]) -> Vec<(String, bool)> {
    let now = by.settings.now;
    let ids = steps.iter().map(|step| step.run.id.as_str());
    let deleted = delete!(HEARTBEAT, by.shard, ids, [is_counted, is_noted]);
    let kept = change!(RUN_STATE, by.shard, steps, |step| step.run.id.as_str() => {
        updated_at: now,
        completed_at: Kept(step.what.completed_at),
        cost_in_cents: Some(step.what.cost_in_cents).filter(|cost| *cost != 0.0),
        run_status: step.what.run_status,
        execution_status: ExecutionStatus::Finished,
        snapshot_ordinal: step.ordinal,
        usage_duration_ms: step.what.usage_duration_ms,
        is_dead_lettered: step.what.is_dead_lettered,
        snapshot_id: &step.snapshot_id,
        output: step.what.output.as_deref(),
        output_type: step.what.output_type.as_deref().filter(|media_type| *media_type != DEFAULT_OUTPUT_TYPE),
        error: step.what.error.clone().map(JsonB),
        batch_id: None::<&str>,
        checkpoint_id: None::<&str>,
        completed_waitpoint_ids: None::<Vec<&str>>,
        completed_waitpoint_order: None::<Vec<&str>>,
    }, noting keep_ms);
    if !kept.is_empty() {
        KEEP_TIMER.execute(arguments!(KEEP_TIMER {
            shard: by.shard,
            now,
            run_ids: kept
        }));
    }
    let counted = deleted
        .into_iter()
        .filter(|(_, [is_counted, _])| *is_counted);
    counted
        .map(|(run_id, [_, is_noted])| (run_id.to_owned(), is_noted))
        .collect()
}

/// The output type that NULL stands for.
const DEFAULT_OUTPUT_TYPE: &str = "application/json";

/// A run that is due: where it can be dequeued, and by which version.
pub(crate) struct Due {
    pub(crate) worker_queue: String,
    pub(crate) environment_id: String,
    pub(crate) version: Option<String>,
}

/// Moves locked runs. `unwatched` are those whose heartbeat deadline is deleted. Returns the due ones.
pub(crate) fn move_on(
    by: By<'_>,
    steps: &[Step<'_, Move>],
    unwatched: Vec<&str>,
    limits: SlotLimits,
    positions: &mut Positions,
) -> Vec<Due> {
    MOVE.query(
        arguments!(MOVE {
            shard: by.shard,
            now: by.settings.now,
            worker_id: by.caller.worker_id,
            runner_id: by.caller.runner_id,
            horizon: positions.horizon,
            run_id: column(steps, |step| step.run.id.as_str()),
            snapshot_id: column(steps, |step| step.snapshot_id.as_str()),
            ordinal: column(steps, |step| step.ordinal),
            position: positions.column(steps.len()),
            transition: column(steps, |step| step.what.transition.as_str()),
            execution_status: column(steps, |step| step.what.execution_status.as_str()),
            run_status: column(steps, |step| step.what.run_status.as_str()),
            snapshot_run_status: column(steps, |step| step.what.run_status.in_snapshot().as_str()),
            description: column(steps, |step| step
                .what
                .transition
                .unusual(&step.what.description)),
            is_callers: column(steps, |step| step.what.is_callers),
            interval_ms: column(steps, |step| by
                .settings
                .heartbeats
                .interval_ms(step.what.execution_status)),
            holds_slot: column(steps, |step| step.what.execution_status.holds_slot()),
            available_at: column(steps, |step| step.what.available_at),
            queue_attempts: column(steps, |step| step.what.queue_attempts),
            carries_batch: column(steps, |step| step.what.carries.batch),
            carries_checkpoint: column(steps, |step| step.what.carries.checkpoint),
            carries_waitpoints: column(steps, |step| step.what.carries.waitpoints),
            batch_id: column(steps, |step| step.what.batch_id.as_deref()),
            checkpoint_id: column(steps, |step| step.what.checkpoint_id.as_deref()),
            waitpoints: column(steps, |step| step.what.waitpoints.clone().map(JsonB)),
            machine: column(steps, |step| step.what.machine.as_deref()),
            usage_duration_ms: column(steps, |step| step.what.usage_duration_ms),
            cost_in_cents: column(steps, |step| step.what.cost_in_cents),
            error: column(steps, |step| step.what.error.clone().map(JsonB)),
            completed_at: column(steps, |step| step.what.completed_at),
            status_reason: column(steps, |step| step.what.status_reason.as_deref()),
            detail: column(steps, |step| step.what.detail.clone().map(JsonB)),
            expires_at: column(steps, |step| step.what.expires_at),
            is_sized: column(steps, |step| step.what.is_sized),
            attempt_number: column(steps, |step| step.run.attempt_number),
            unwatched_run_ids: unwatched,
            counts_slots: limits.is_counted,
            notes_slots: limits.is_noted,
            released_attempts: column(steps, |step| step.what.released_attempts)
        }),
        |cells| Due {
            worker_queue: cell!(cells, MOVE.worker_queue),
            environment_id: cell!(cells, MOVE.environment_id),
            version: cell!(cells, MOVE.version),
        },
    )
}

/// Writes the snapshot of a refused dequeue after the latest one.
pub(crate) fn refuse(by: By<'_>, step: &Step<'_, String>, positions: &mut Positions) {
    REFUSE.execute(arguments!(REFUSE {
        shard: by.shard,
        now: by.settings.now,
        worker_id: by.caller.worker_id,
        runner_id: by.caller.runner_id,
        transition: Transition::Refused.as_str(),
        horizon: positions.horizon,
        run_id: step.run.id.as_str(),
        ordinal: step.ordinal,
        position: positions.next(),
        error: step.what.as_str()
    }));
}
