//! The order in which transitions are written: what was refused, then what ends, then what moves on.

use engine_core::{
    BatchId, ExecutionStatus, Failure, Finish, Move, Output, Run, RunId, Transition, WaitpointId,
};
use serde_json::json;

use super::{Ended, Transitions};
use crate::backend::position::Positions;
use crate::backend::value::column;
use crate::shared::bell::{self, Takers};
use crate::shared::saturation;
use crate::store::snapshot::NewSnapshot;
use crate::store::transition::Step;
use crate::{flow, store};

impl<'a> Transitions<'a> {
    /// Writes everything. What ended with it must still be settled ([`super::settle`]).
    pub(crate) fn write(self) -> Ended {
        let rows = self.refused.len() + self.finished.len() + self.moved.len() + self.notices.len();
        if rows == 0 {
            return Ended::default();
        }
        let mut positions = Positions::draw(rows);
        store::notice::insert(&self.notices, &mut positions, self.by.settings.now);
        for step in &self.refused {
            store::transition::refuse(self.by, step, &mut positions);
        }
        self.note_parked();
        if !self.finished.is_empty() && !self.moved.is_empty() {
            self.lock_deadlines();
        }
        if !self.finished.is_empty() {
            self.finish(&mut positions);
            self.cancel_children();
        }
        if !self.moved.is_empty() {
            self.move_on(&mut positions);
        }
        Ended {
            outputs: self.outputs(),
            members: self.members(),
        }
    }

    fn finish(&self, positions: &mut Positions) {
        let steps = &self.finished;
        self.leave_behind(
            &queued(steps),
            stopping(steps, |_| ExecutionStatus::Finished),
        );
        let last = steps.iter().map(last_snapshot);
        store::snapshot::insert(last, positions, self.by.caller, self.by.settings.now);
        self.release(&store::transition::finish(self.by, steps));
        self.note_failed();
    }

    /// Runs that failed are on a list of their own.
    fn note_failed(&self) {
        let failed = self
            .finished
            .iter()
            .filter(|step| step.what.run_status.is_failure());
        let failed: Vec<_> = failed
            .map(|step| (&step.run.id, Failure::of(step.what.error.as_ref())))
            .collect();
        store::failure::insert(self.by.shard, &failed);
    }

    /// Runs that had failed, and are redriven, leave that list.
    fn forget_failed(&self) {
        let ended = self
            .moved
            .iter()
            .filter(|step| step.run.execution_status == ExecutionStatus::Finished);
        let ended: Vec<&RunId> = ended.map(|step| &step.run.id).collect();
        store::failure::delete(self.by.shard, &ended);
    }

    fn move_on(&self, positions: &mut Positions) {
        let steps = &self.moved;
        self.forget_failed();
        self.leave_behind(
            &leaving(steps),
            stopping(steps, |moved| moved.execution_status),
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
        let due = store::transition::move_on(self.by, steps, unwatched, self.limits, positions);
        for due in &due {
            let environment = due
                .version
                .as_ref()
                .and_then(|_| store::environment::find(&due.environment_id));
            let takers = match &environment {
                Some(environment) => flow::dequeue::takers(environment, due.version.as_deref()),
                None => Takers::All,
            };
            bell::ring_at_commit(&due.worker_queue, &due.environment_id, takers);
        }
    }

    /// Deletes the queue items of runs that leave their queue, or enter it again, and the edges of those that stop waiting.
    /// Most runs have neither: these are separate statements, so that the others do not pay for them.
    fn leave_behind(&self, queued: &[&RunId], waiting: Vec<&str>) {
        if !queued.is_empty() {
            store::queue_item::delete(self.by.shard, queued);
        }
        if !waiting.is_empty() {
            store::edge::delete(self.by.shard, waiting);
        }
    }

    /// Locks the deadlines of all these runs in order, as a session that sets limits does: two statements are going to write
    /// them.
    fn lock_deadlines(&self) {
        let finished = self.finished.iter().map(|step| step.run);
        let moved = self.moved.iter().map(|step| step.run);
        let ids = finished.chain(moved).map(|run| run.id.as_str()).collect();
        store::slot::lock(self.by.shard, ids);
    }

    /// Releases the slots of runs that continue without one. Few do.
    fn release_held(&self) {
        let leaving: Vec<&str> = self
            .moved
            .iter()
            .filter(|step| {
                step.run.execution_status.holds_slot() && !step.what.execution_status.holds_slot()
            })
            .map(|step| step.run.id.as_str())
            .collect();
        if leaving.is_empty() {
            return;
        }
        let held = store::slot::lock(self.by.shard, leaving).into_iter();
        let counted = held.filter(|slot| slot.is_counted);
        let freed: Vec<_> = counted.map(|slot| (slot.run_id, slot.is_noted)).collect();
        self.release(&freed);
    }

    /// Makes sessions that wait for counted slots of these runs look again; each comes with whether that is to be noted.
    fn release(&self, freed: &[(String, bool)]) {
        if freed.is_empty() {
            return;
        }
        for (environment_id, worker_queue) in store::slot::release(self.by.shard, freed) {
            saturation::give_back_at_commit(&environment_id);
            bell::ring_at_commit(&worker_queue, &environment_id, Takers::OneOfEach);
        }
    }

    /// Parked runs are on a list of their own, with the expiry of their queue items, which are deleted after this.
    fn note_parked(&self) {
        let waits = |status| status == ExecutionStatus::RunCreated;
        let finished = self.finished.iter().map(|step| (step.run, false));
        let moved = self.moved.iter();
        let changes =
            finished.chain(moved.map(|step| (step.run, waits(step.what.execution_status))));
        let change = |(run, will): (&'a Run, bool)| (&run.id, waits(run.execution_status), will);
        store::parked::note(self.by.shard, changes.map(change));
    }

    /// The children of cancelled runs are cancelled by the tick: each is a run of its own to lock.
    fn cancel_children(&self) {
        let cancelled: Vec<_> = self
            .finished
            .iter()
            .filter(|step| step.what.transition == Transition::Canceled)
            .map(|step| {
                let at = step.what.completed_at.unwrap_or(self.by.settings.now);
                let reason = step.what.detail.as_ref().map(|detail| &detail["reason"]);
                let detail = json!({"reason": reason, "completedAt": at.to_rfc3339()});
                (step.run.id.as_str(), detail)
            })
            .collect();
        if !cancelled.is_empty() {
            store::timer::cancel_children(self.by.shard, &cancelled, self.by.settings.now);
        }
    }

    /// The outputs that complete the waitpoints of awaited runs.
    fn outputs(&self) -> Vec<(WaitpointId, Output)> {
        let awaited: Vec<_> = self
            .finished
            .iter()
            .filter(|step| step.run.has_waitpoint)
            .collect();
        if awaited.is_empty() {
            return Vec::new();
        }
        let run_ids = column(&awaited, |step| &step.run.id);
        let mut ids = store::waitpoint::of_runs(self.by.shard, &run_ids);
        awaited
            .into_iter()
            .filter_map(|step| Some((ids.remove(&step.run.id)?, output(&step.what)?)))
            .collect()
    }

    /// The batches of runs that ended, each with its run.
    fn members(&self) -> Vec<(BatchId, String)> {
        let member = |step: &Step<'_, Finish>| {
            let batch_id = step.run.batch_id.as_deref()?;
            Some((BatchId::parse(batch_id), step.run.id.as_str().to_owned()))
        };
        self.finished.iter().filter_map(member).collect()
    }
}

/// The snapshot that a run ends with.
fn last_snapshot<'a>(step: &'a Step<'_, Finish>) -> NewSnapshot<'a> {
    NewSnapshot {
        run_id: &step.run.id,
        ordinal: step.ordinal,
        transition: step.what.transition,
        execution_status: ExecutionStatus::Finished,
        run_status: step.what.run_status,
        attempt_number: step.run.attempt_number,
        description: &step.what.description,
        machine: None,
        detail: step.what.detail.clone(),
    }
}

/// The output that completes the waitpoint of a finished run.
fn output(finish: &Finish) -> Option<Output> {
    Output::of_run(
        finish.run_status,
        finish.output.as_deref(),
        finish.output_type.as_deref(),
        finish.error.as_ref(),
    )
}

/// The runs whose queue item is deleted.
fn queued<'a, T>(steps: &'a [Step<'_, T>]) -> Vec<&'a RunId> {
    steps
        .iter()
        .filter(|step| step.run.execution_status.is_queued())
        .map(|step| &step.run.id)
        .collect()
}

/// The runs whose queue item is deleted although they do not end: one that stays queued keeps its order, unless it gets a
/// new one.
fn leaving<'a>(steps: &'a [Step<'_, Move>]) -> Vec<&'a RunId> {
    let stays = |moved: &Move| moved.execution_status.is_queued() && moved.available_at.is_none();
    steps
        .iter()
        .filter(|step| step.run.execution_status.is_queued() && !stays(&step.what))
        .map(|step| &step.run.id)
        .collect()
}

/// The runs that stop waiting: their edges are deleted. These are the edges that were read, since they change only under the
/// run's lock.
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
