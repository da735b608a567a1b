//! The statements that write transitions.

use engine_core::{ExecutionStatus, Move, RunId, Transition};

use super::{Step, Transitions};
use crate::document::JsonB;
use crate::store::position::Positions;
use crate::store::run::{column, time};
use crate::store::statement::{Cells, Statement, arguments, statement};
use crate::store::{claim, saturation};
use crate::wakeup::bell;

static FINISH: Statement = statement!("run_finish.sql");
static DELETE_EDGES: Statement = statement!("edge_delete.sql");
static LOCK_SLOTS: Statement = statement!("slot_lock.sql");
static RELEASE_SLOTS: Statement = statement!("slot_release.sql");
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
        self.leave_behind(
            &queued(steps),
            &stopping(steps, |_| ExecutionStatus::Finished),
        );
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
                column(steps, |step| step.run.snapshot_id.as_str()),
                column(steps, |step| step.run.attempt_number),
            ],
            |cells| (cells.value(), cells.value()),
        );
        self.release(&freed);
    }

    /// Has those who wait for counted slots of these runs look again; each comes with whether that is to be noted.
    fn release(&self, freed: &[(String, bool)]) {
        if freed.is_empty() {
            return;
        }
        let slots: Vec<(String, String)> = RELEASE_SLOTS.query(
            arguments![
                self.shard.number(),
                column(freed, |(run_id, _)| run_id.as_str()),
                column(freed, |(_, is_noted)| *is_noted),
            ],
            |cells| (cells.value(), cells.value()),
        );
        for (environment_id, worker_queue) in &slots {
            saturation::give_back_at_commit(environment_id);
            bell::ring_at_commit(worker_queue);
        }
    }

    /// Locks the deadlines of all these runs in their order, as who sets limits does: two statements are going to write them.
    pub(super) fn lock_deadlines(&self) {
        let finished = self.finished.iter().map(|step| step.run);
        let moved = self.moved.iter().map(|step| step.run);
        self.lock_slots(finished.chain(moved).map(|run| run.id.as_str()).collect());
    }

    /// Releases the slots of runs that go on without one. Few do.
    fn release_held(&self) {
        let leaving: Vec<&str> = self
            .moved
            .iter()
            .filter(|step| {
                step.run.execution_status.holds_slot() && !step.what.execution_status.holds_slot()
            })
            .map(|step| step.run.id.as_str())
            .collect();
        if !leaving.is_empty() {
            self.release(&self.lock_slots(leaving));
        }
    }

    /// Locks the deadlines of runs; gives those whose slot counts, each with whether giving it back is to be noted.
    fn lock_slots(&self, run_ids: Vec<&str>) -> Vec<(String, bool)> {
        let arguments = arguments![self.shard.number(), run_ids];
        let locked = LOCK_SLOTS.query(arguments, |cells| {
            (cells.value(), cells.value::<bool>(), cells.value())
        });
        let counted = locked.into_iter().filter(|(_, is_counted, _)| *is_counted);
        counted
            .map(|(run_id, _, is_noted)| (run_id, is_noted))
            .collect()
    }

    /// Takes away the items of runs that leave their queue, or come into it anew, and the edges of those that stop waiting.
    /// Most have neither: these are statements of their own, so that the others do not pay for them.
    fn leave_behind(&self, queued: &[&RunId], waiting: &[&str]) {
        if !queued.is_empty() {
            claim::delete_items(self.shard, queued);
        }
        if !waiting.is_empty() {
            DELETE_EDGES.execute(arguments![self.shard.number(), waiting.to_vec()]);
        }
    }

    pub(super) fn move_on(&self, positions: &mut Positions) {
        let steps = &self.moved;
        self.leave_behind(
            &leaving(steps),
            &stopping(steps, |moved| moved.execution_status),
        );
        self.release_held();
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
                column(steps, |step| step.what.expires_at.map(time)),
                column(steps, |step| step.what.is_sized),
                column(steps, |step| step.run.snapshot_ordinal),
                column(steps, |step| step.run.attempt_number),
                unwatched,
                self.limits.is_counted,
                self.limits.is_noted,
                column(steps, |step| step.what.released_attempts),
            ],
            Cells::value::<String>,
        );
        for worker_queue in &due {
            bell::ring_at_commit(worker_queue);
        }
    }
}

/// Those whose queue item goes.
fn queued<'a, T>(steps: &'a [Step<'_, T>]) -> Vec<&'a RunId> {
    steps
        .iter()
        .filter(|step| step.run.execution_status.is_queued())
        .map(|step| &step.run.id)
        .collect()
}

/// Those whose queue item goes although they do not end: one that stays queued keeps its place, unless it gets a new one.
fn leaving<'a>(steps: &'a [Step<'_, Move>]) -> Vec<&'a RunId> {
    let stays = |moved: &Move| moved.execution_status.is_queued() && moved.available_at.is_none();
    steps
        .iter()
        .filter(|step| step.run.execution_status.is_queued() && !stays(&step.what))
        .map(|step| &step.run.id)
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
