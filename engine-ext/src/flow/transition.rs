//! Writes what core decided about locked runs: one statement ends runs, one moves them. What follows for waiters of these
//! runs is settled in the same transaction ([`super::settle`]).

use engine_core::{
    BatchId, ExecutionStatus, Finish, Move, Output, Plan, Run, RunId, Settings, Shard, SlotLimits,
    SnapshotId, Transition, WaitpointId,
};
use serde_json::json;

use crate::backend::position::Positions;
use crate::backend::value::column;
use crate::shared::{bell, saturation};
use crate::store::notice::Notice;
use crate::store::row::Caller;
use crate::store::transition::{By, Step};
use crate::{mint, store};

/// Plans for locked runs of one shard, added in the order of their ids, and written together.
pub(crate) struct Transitions<'a> {
    by: By<'a>,
    limits: SlotLimits,
    finished: Vec<Step<'a, Finish>>,
    moved: Vec<Step<'a, Move>>,
    refused: Vec<Step<'a, String>>,
    notices: Vec<Notice>,
}

/// What ended with runs, for the runs that wait for it.
#[must_use]
#[derive(Default)]
pub(crate) struct Ended {
    /// Waitpoints that the ends of runs complete.
    pub(crate) outputs: Vec<(WaitpointId, Output)>,
    /// Batches that lost an open run, each with that run.
    pub(crate) members: Vec<(BatchId, String)>,
}

impl<'a> Transitions<'a> {
    pub(crate) fn new(shard: Shard, caller: Caller<'a>, settings: &'a Settings) -> Self {
        Self {
            by: By {
                shard,
                caller,
                settings,
            },
            limits: SlotLimits::default(),
            finished: Vec::new(),
            moved: Vec::new(),
            refused: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// These transitions for dequeues with limits that slots count against.
    pub(crate) fn limited(self, limits: SlotLimits) -> Self {
        Self { limits, ..self }
    }

    /// Adds the plan for `run`; returns its future latest snapshot.
    pub(crate) fn add(&mut self, run: &'a Run, plan: Plan) -> SnapshotId {
        self.add_after(run, run.snapshot_ordinal, plan)
    }

    /// Adds the plan for a run whose last snapshot has ordinal `last` and may be an invalid one.
    pub(crate) fn add_after(&mut self, run: &'a Run, last: i32, plan: Plan) -> SnapshotId {
        let snapshot_id = mint::next_snapshot_id(&run.snapshot_id);
        let latest = snapshot_id.clone();
        let ordinal = last + 1;
        match plan {
            Plan::Finish(finish) => self.finished.push(Step {
                run,
                snapshot_id,
                ordinal,
                what: *finish,
            }),
            Plan::Move(moved) => self.moved.push(Step {
                run,
                snapshot_id,
                ordinal,
                what: *moved,
            }),
            Plan::Refuse { error, finish } => {
                let latest = match finish {
                    Some(finish) => {
                        let after = mint::next_snapshot_id(&snapshot_id);
                        self.finished.push(Step {
                            run,
                            snapshot_id: after.clone(),
                            ordinal: ordinal + 1,
                            what: *finish,
                        });
                        after
                    }
                    None => run.snapshot_id.clone(),
                };
                self.refused.push(Step {
                    run,
                    snapshot_id,
                    ordinal,
                    what: error,
                });
                return latest;
            }
            Plan::Notify => {
                self.notices.push(notification(run));
                return run.snapshot_id.clone();
            }
            Plan::Keep => return run.snapshot_id.clone(),
            Plan::Claim { .. } | Plan::Start { .. } => {
                unreachable!("claims and starts have statements of their own")
            }
        }
        latest
    }

    /// Adds an event without a transition.
    pub(crate) fn tell(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Number of runs that change.
    pub(crate) fn len(&self) -> usize {
        self.finished.len() + self.moved.len()
    }

    /// The shard, and the inputs of the decisions.
    pub(crate) fn scope(&self) -> (Shard, &'a Settings) {
        (self.by.shard, self.by.settings)
    }

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
        self.note_parked();
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
        self.release(&store::transition::finish(self.by, steps, positions));
    }

    fn move_on(&self, positions: &mut Positions) {
        let steps = &self.moved;
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
        for worker_queue in &due {
            bell::ring_at_commit(worker_queue);
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
            bell::ring_at_commit(&worker_queue);
        }
    }

    /// Parked runs are on a list of their own.
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

/// The output that completes the waitpoint of a finished run.
fn output(finish: &Finish) -> Option<Output> {
    Output::of_run(
        finish.run_status,
        finish.output.as_deref(),
        finish.output_type.as_deref(),
        finish.error.as_ref(),
    )
}

/// Notifies the worker of a run that its latest snapshot is still the latest.
fn notification(run: &Run) -> Notice {
    Notice {
        run_id: run.id.clone(),
        name: "workerNotification",
        body: json!({
            "run": {"id": run.id.as_str()},
            "snapshot": {
                "id": run.snapshot_id.as_str(),
                "executionStatus": run.execution_status.as_str(),
            },
        }),
    }
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
