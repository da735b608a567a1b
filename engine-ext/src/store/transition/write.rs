//! The statements that write transitions.

use engine_core::{ExecutionStatus, Move, RunId, Transition};
use pgrx::JsonB;

use super::{Step, Transitions};
use crate::store::claim;
use crate::store::position::Positions;
use crate::store::run::{column, time};
use crate::store::statement::{Cells, Statement, arguments, statement};
use crate::wakeup::bell;

static FINISH: Statement = statement!("run_finish.sql");
static MOVE: Statement = statement!("run_move.sql");
static REFUSE: Statement = statement!("snapshot_refuse.sql");

impl Transitions<'_> {
    pub(super) fn refuse(&self, step: &Step<'_, String>, positions: &mut Positions) {
        REFUSE.execute(arguments![
            self.shard.number(),
            time(self.settings.now),
            self.caller.worker_id,
            self.caller.runner_id,
            Transition::Refused.as_str(),
            positions.horizon,
            step.run.id.as_str(),
            step.snapshot_id.as_str(),
            step.ordinal,
            positions.next(),
            step.what.as_str(),
        ]);
    }

    pub(super) fn finish(&self, positions: &mut Positions) {
        let steps = &self.finished;
        let freed = FINISH.query(
            arguments![
                self.shard.number(),
                time(self.settings.now),
                self.caller.worker_id,
                self.caller.runner_id,
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
                queued(steps),
                stopping(steps, |_| ExecutionStatus::Finished),
            ],
            Cells::value,
        );
        ring(&freed);
    }

    pub(super) fn move_on(&self, positions: &mut Positions) {
        let steps = &self.moved;
        let put_back: Vec<&RunId> = steps
            .iter()
            .filter(|step| {
                step.run.execution_status.is_queued() && step.what.available_at.is_some()
            })
            .map(|step| &step.run.id)
            .collect();
        if !put_back.is_empty() {
            // One statement cannot take an item away and write it anew.
            claim::delete_items(self.shard, &put_back);
        }
        let unwatched: Vec<&str> = steps
            .iter()
            .filter(|step| {
                step.run.execution_status.has_heartbeat()
                    && !step.what.execution_status.has_heartbeat()
            })
            .map(|step| step.run.id.as_str())
            .collect();
        let due = MOVE.query(
            arguments![
                self.shard.number(),
                time(self.settings.now),
                self.caller.worker_id,
                self.caller.runner_id,
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
                column(steps, |step| self
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
                leaving(steps),
                unwatched,
                self.slots_count,
                stopping(steps, |moved| moved.execution_status),
                column(steps, |step| step.what.expires_at.map(time)),
                column(steps, |step| step.what.is_sized),
            ],
            Cells::value,
        );
        ring(&due);
    }
}

/// Wakes those who wait for runs of these worker queues.
fn ring(worker_queues: &[String]) {
    for worker_queue in worker_queues {
        bell::ring_at_commit(worker_queue);
    }
}

/// Those whose queue item goes.
fn queued<'a, T>(steps: &'a [Step<'_, T>]) -> Vec<&'a str> {
    steps
        .iter()
        .filter(|step| step.run.execution_status.is_queued())
        .map(|step| step.run.id.as_str())
        .collect()
}

/// Those whose queue item goes although they do not end: one that stays queued keeps its place.
fn leaving<'a>(steps: &'a [Step<'_, Move>]) -> Vec<&'a str> {
    steps
        .iter()
        .filter(|step| {
            step.run.execution_status.is_queued() && !step.what.execution_status.is_queued()
        })
        .map(|step| step.run.id.as_str())
        .collect()
}

/// Those that stop waiting: their edges go. These are the edges that were read, since they change under the run's lock only.
fn stopping<'a, T>(
    steps: &'a [Step<'_, T>],
    status: impl Fn(&T) -> ExecutionStatus,
) -> Vec<&'a str> {
    steps
        .iter()
        .filter(|step| step.run.execution_status.keeps_edges() && !status(&step.what).keeps_edges())
        .map(|step| step.run.id.as_str())
        .collect()
}
