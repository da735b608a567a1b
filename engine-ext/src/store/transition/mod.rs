//! Applies what core decided about locked runs: one statement ends runs, one moves them, and what follows for others is
//! written in the same transaction.

mod write;

use engine_core::{
    BatchId, ExecutionStatus, Finish, Move, Output, Plan, Run, Settings, Shard, SlotLimits,
    SnapshotId, Transition,
};
use serde_json::json;

use super::notice::{self, Notice};
use super::position::Positions;
use super::run::{Caller, column};
use super::{batch, parked, timer, waitpoint};
use crate::mint;

/// Plans for locked runs of one shard, added in the order of their ids, and applied together.
pub(crate) struct Transitions<'a> {
    shard: Shard,
    caller: Caller<'a>,
    settings: &'a Settings,
    limits: SlotLimits,
    finished: Vec<Step<'a, Finish>>,
    moved: Vec<Step<'a, Move>>,
    refused: Vec<Step<'a, String>>,
    notices: Vec<Notice>,
}

/// What becomes of one run, with its new snapshot.
struct Step<'a, T> {
    run: &'a Run,
    snapshot_id: SnapshotId,
    ordinal: i32,
    what: T,
}

impl<'a> Transitions<'a> {
    pub(crate) fn new(shard: Shard, caller: Caller<'a>, settings: &'a Settings) -> Self {
        Self {
            shard,
            caller,
            settings,
            limits: SlotLimits::default(),
            finished: Vec::new(),
            moved: Vec::new(),
            refused: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// The same for claims where there are limits that slots count against.
    pub(crate) fn limited(self, limits: SlotLimits) -> Self {
        Self { limits, ..self }
    }

    /// Takes on what becomes of `run`; gives what will be its latest snapshot.
    pub(crate) fn add(&mut self, run: &'a Run, plan: Plan) -> SnapshotId {
        self.add_after(run, run.snapshot_ordinal, plan)
    }

    /// The same, for a run whose last snapshot has ordinal `last` and may be an invalid one.
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

    /// Takes on an event that is no transition.
    pub(crate) fn tell(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// How many runs change.
    pub(crate) fn len(&self) -> usize {
        self.finished.len() + self.moved.len()
    }

    /// Writes all of it. Those who wait for a run that ends go on, as far as nobody else has them locked.
    pub(crate) fn apply(self) {
        let rows = self.refused.len() + self.finished.len() + self.moved.len() + self.notices.len();
        if rows == 0 {
            return;
        }
        let mut positions = Positions::draw(rows);
        notice::insert(&self.notices, &mut positions, self.settings.now);
        for step in &self.refused {
            self.refuse(step, &mut positions);
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
        // Last, since those who go on may be among the runs above.
        self.complete_waitpoints();
        self.end_batches();
    }

    /// Runs that wait for a version are on a list of their own.
    fn note_parked(&self) {
        let waits = |status| status == ExecutionStatus::RunCreated;
        let finished = self.finished.iter().map(|step| (step.run, false));
        let moved = self.moved.iter();
        let changes =
            finished.chain(moved.map(|step| (step.run, waits(step.what.execution_status))));
        let change = |(run, will): (&'a Run, bool)| (&run.id, waits(run.execution_status), will);
        parked::note(self.shard, changes.map(change));
    }

    /// Gives those who wait for the ends of runs what they wait for.
    fn complete_waitpoints(&self) {
        let awaited: Vec<_> = self
            .finished
            .iter()
            .filter(|step| step.run.has_waitpoint)
            .collect();
        if awaited.is_empty() {
            return;
        }
        let ids = waitpoint::of_runs(self.shard, &column(&awaited, |step| &step.run.id));
        let outputs: Vec<_> = awaited
            .into_iter()
            .filter_map(|step| Some((ids.get(&step.run.id)?, output(&step.what)?)))
            .collect();
        waitpoint::complete(self.shard, &outputs, self.settings);
    }

    /// Ends the batches whose last runs these were.
    fn end_batches(&self) {
        let members: Vec<(BatchId, &str)> = self
            .finished
            .iter()
            .filter_map(|step| {
                let batch_id = step.run.batch_id.as_deref()?;
                Some((BatchId::parse(batch_id), step.run.id.as_str()))
            })
            .collect();
        batch::changed(self.shard, &members, self.settings);
    }

    /// The children of cancelled runs are cancelled by the tick: each is a run of its own to lock.
    fn cancel_children(&self) {
        let cancelled: Vec<_> = self
            .finished
            .iter()
            .filter(|step| step.what.transition == Transition::Canceled)
            .map(|step| {
                let at = step.what.completed_at.unwrap_or(self.settings.now);
                let reason = step.what.detail.as_ref().map(|detail| &detail["reason"]);
                let detail = json!({"reason": reason, "completedAt": at.to_rfc3339()});
                (step.run.id.as_str(), detail)
            })
            .collect();
        if !cancelled.is_empty() {
            timer::cancel_children(self.shard, &cancelled, self.settings.now);
        }
    }
}

/// What the end of a run gives to those who wait for it.
fn output(finish: &Finish) -> Option<Output> {
    Output::of_run(
        finish.run_status,
        finish.output.as_deref(),
        finish.output_type.as_deref(),
        finish.error.as_ref(),
    )
}

/// Tells the worker of a run that the run's latest snapshot is still the latest.
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
