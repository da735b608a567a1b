//! Writes what core decided about locked runs: one statement ends runs, one moves them. What follows for waiters of these
//! runs is settled in the same transaction ([`super::settle`]).

mod write;

use engine_core::{
    BatchId, Finish, Move, Output, Plan, Run, Settings, Shard, SlotLimits, SnapshotId, WaitpointId,
};
use serde_json::json;

use crate::store::notice::Notice;
use crate::store::row::Caller;
use crate::store::transition::{By, Step};

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
        let ordinal = last + 1;
        let snapshot_id = run.snapshot_id.next(ordinal);
        let latest = snapshot_id.clone();
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
                        let after = snapshot_id.next(ordinal + 1);
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
            Plan::Dequeue { .. } | Plan::Start { .. } => {
                unreachable!("dequeues and starts have statements of their own")
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
