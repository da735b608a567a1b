//! Applies what core decided about locked runs: one statement ends runs, one moves them, and what follows for others is
//! written in the same transaction.

use engine_core::{
    BatchId, ExecutionStatus, Finish, Move, Output, Plan, Run, RunId, Settings, Shard, SnapshotId,
    Transition,
};
use pgrx::JsonB;
use serde_json::json;

use super::notice::{self, Notice};
use super::position::Positions;
use super::run::{Caller, column, time};
use super::statement::{Cells, Statement, arguments, statement};
use super::{batch, claim, parked, timer, waitpoint};
use crate::mint;
use crate::wakeup::bell;

static FINISH: Statement = statement!("run_finish.sql");
static MOVE: Statement = statement!("run_move.sql");
static REFUSE: Statement = statement!("snapshot_refuse.sql");

/// Plans for locked runs of one shard, added in the order of their ids, and applied together.
pub(crate) struct Transitions<'a> {
    shard: Shard,
    caller: Caller<'a>,
    settings: &'a Settings,
    slots_count: bool,
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
            slots_count: false,
            finished: Vec::new(),
            moved: Vec::new(),
            refused: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// The same for claims where there are limits: slots that are taken count.
    pub(crate) fn counting(self, slots_count: bool) -> Self {
        Self {
            slots_count,
            ..self
        }
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
        if !self.finished.is_empty() {
            self.finish(&mut positions);
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

    fn refuse(&self, step: &Step<'_, String>, positions: &mut Positions) {
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

    fn finish(&self, positions: &mut Positions) {
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
        self.cancel_children();
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

    fn move_on(&self, positions: &mut Positions) {
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

/// What the end of a run gives to those who wait for it.
fn output(finish: &Finish) -> Option<Output> {
    Output::of_run(
        finish.run_status,
        finish.output.as_deref(),
        finish.output_type.as_deref(),
        finish.error.as_ref(),
    )
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
