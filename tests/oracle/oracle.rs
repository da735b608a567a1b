//! The oracle: an engine in memory. `engine_core::decide` decides, as in the real one; locks, statements and indexes are
//! loops over a map.

use std::collections::BTreeMap;

use engine_core::{
    Asked, Cancel, Command, ExecutionStatus, Finish, Plan, Refusal, Run, RunId, SnapshotId,
    Timestamp, Transition, TriggerOptions, decide,
};
use engine_harness::Held;
use serde_json::{Value, json};

use crate::answer::{Answer, Refused};
use crate::call::{CANCELLED_AT, Call, LAPSED_AT};
use crate::life::{Context, Life};
use crate::repeat::{Turns, row_of};

/// All runs of a history.
#[derive(Default)]
pub struct Oracle {
    /// In the order of their triggers.
    triggered: Vec<String>,
    pub(crate) lives: BTreeMap<String, Life>,
    /// The runs that the next tick cancels, and how.
    pub(crate) timers: BTreeMap<String, Value>,
    pub(crate) turns: Turns,
    /// The environment that was served last: the next dequeue begins after it.
    pub(crate) served: Option<String>,
}

impl Oracle {
    /// Executes `call`; `run_ids` are the ids of the runs in the server's answer.
    pub fn answer(&mut self, call: &Call, run_ids: &[String], context: &Context<'_>) -> Answer {
        let answer = match call {
            Call::Trigger(run) => self.trigger_all(vec![run.clone()], run_ids, context),
            Call::TriggerMany(runs) => self.trigger_all(runs.clone(), run_ids, context),
            Call::Dequeue {
                max_runs,
                environment_id,
            } => self.dequeue(*max_runs, environment_id.as_deref(), context),
            Call::Start(held) => self.start(held, context),
            Call::Complete(held, completion) => self.complete(held, completion, context),
            Call::CompleteMany(ends) => self.complete_many(ends, context),
            Call::Work {
                ends,
                max_runs,
                environment_id,
                turn_id,
            } => {
                let asked = (*max_runs, environment_id.as_deref());
                self.turn(ends, asked, turn_id.as_deref(), context)
            }
            Call::Release(held) => self.release(held, context),
            Call::Block(held) => self.block(held, context),
            Call::Unblock(run_id) => self.unblock(run_id, context).map(|()| Vec::new()),
            Call::Beat(held) => self.beat(held, context),
            Call::BeatMany(held) => Ok(self.beat_many(held, context)),
            Call::Cancel(run_id, cancel) => self.cancel(run_id, cancel, context),
            Call::Tick => Ok(self.tick(context)),
            Call::Redrive(run_id) => self.redrive(run_id, context),
            Call::Replay(run_id) => self.replay(&RunId::parse(run_id), run_ids, context),
            Call::Lapse(run_id) => {
                self.lapse(run_id);
                Ok(Vec::new())
            }
            Call::Due(run_id, moment) => {
                self.queue(run_id, *moment);
                Ok(Vec::new())
            }
            Call::Stray(run_id) => {
                self.queue(run_id, LAPSED_AT);
                self.dequeue(1000, None, context)
            }
        };
        answer.map_err(Refused::from)
    }

    /// The runs, in the order of their triggers.
    pub fn runs(&self) -> impl Iterator<Item = &Life> {
        self.triggered
            .iter()
            .filter_map(|run_id| self.lives.get(run_id))
    }

    /// The run with this id.
    ///
    /// # Errors
    /// [`Refusal::UnknownRun`].
    pub fn find(&self, run_id: &RunId) -> Result<&Life, Refusal> {
        self.lives
            .get(run_id.as_str())
            .ok_or_else(|| Refusal::UnknownRun {
                run_id: run_id.clone(),
            })
    }

    /// Adds new runs.
    pub fn add(&mut self, born: Vec<Life>) {
        for life in born {
            self.triggered.push(life.rows.run_id.clone());
            self.lives.insert(life.rows.run_id.clone(), life);
        }
    }

    /// Applies plans to runs that were read; the children of those that end cancelled are next.
    pub fn apply(&mut self, plans: Vec<(Run, Plan)>, context: &Context<'_>) {
        let mut cancelled = Vec::new();
        for (run, plan) in plans {
            if let Plan::Finish(finish) = &plan {
                cancelled.extend(timer_of(&run, finish, context.settings.now));
            }
            if let Some(life) = self.lives.get_mut(run.id.as_str()) {
                life.apply(&run, plan, context);
            }
        }
        for (parent, detail) in cancelled {
            let is_child = |life: &&Life| life.rows.parent_run_id.as_ref() == Some(&parent);
            for child in self.lives.values().filter(is_child) {
                if child.rows.state.execution_status != ExecutionStatus::Finished {
                    let timer = self.timers.entry(child.rows.run_id.clone());
                    timer.or_insert_with(|| detail.clone());
                }
            }
        }
    }

    /// The latest snapshot of a run, as several functions return it; nulls if there is no such run.
    pub fn execution(&self, run_id: &str) -> Value {
        let Some(life) = self.lives.get(run_id) else {
            return json!({"run_id": run_id, "snapshot_id": null, "execution_status": null, "run_status": null,
                          "attempt_number": null});
        };
        let state = &life.rows.state;
        json!({
            "run_id": run_id,
            "snapshot_id": state.snapshot_id,
            "execution_status": state.execution_status.as_str(),
            "run_status": state.run_status.in_snapshot().as_str(),
            "attempt_number": state.attempt_number,
        })
    }

    fn trigger_all(
        &mut self,
        runs: Vec<Value>,
        run_ids: &[String],
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let options: Result<Vec<_>, _> = runs.into_iter().map(TriggerOptions::from_json).collect();
        self.trigger(options?, run_ids, context)
    }

    pub(crate) fn start(
        &mut self,
        held: &Held,
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let life = self.find(&RunId::parse(&held.run_id))?;
        let run = life.run();
        if let Some(next) = life.answer(Asked::Start, &held.snapshot_id, context) {
            return Ok(vec![row_of(&run, &next)]);
        }
        let snapshot_id = SnapshotId::parse(&held.snapshot_id);
        let is_cancelled = life.was_cancelled_after(&held.snapshot_id, context);
        let command = Command::Start {
            snapshot_id: &snapshot_id,
            dequeued_as: is_cancelled.then_some(&snapshot_id),
        };
        let plan = decide(&run, command, context.settings)?;
        self.apply(vec![(run, plan)], context);
        Ok(vec![self.execution(&held.run_id)])
    }

    fn cancel(
        &mut self,
        run_id: &str,
        asked: &crate::command::Cancel,
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let cancel = Cancel::new(
            asked.reason.map(str::to_owned),
            asked.finalize.unwrap_or(false),
            asked
                .is_dated
                .then(|| Timestamp::parse_rfc3339(CANCELLED_AT))
                .flatten(),
            asked.attempt_duration_ms,
        )?;
        let run = self.find(&RunId::parse(run_id))?.run();
        let plan = decide(&run, Command::Cancel(&cancel), context.settings)?;
        let already_finished = plan == Plan::Keep;
        self.apply(vec![(run, plan)], context);
        if let Some(life) = self.lives.get_mut(run_id) {
            let bulk_action_id = asked.bulk_action_id.map(str::to_owned);
            life.rows.state.bulk_action_ids.extend(bulk_action_id);
        }
        let mut row = self.execution(run_id);
        row["already_finished"] = json!(already_finished);
        Ok(vec![row])
    }

    fn redrive(&mut self, run_id: &str, context: &Context<'_>) -> Result<Vec<Value>, Refusal> {
        let run = self.find(&RunId::parse(run_id))?.run();
        let plan = decide(&run, Command::Redrive, context.settings)?;
        self.apply(vec![(run, plan)], context);
        Ok(vec![self.execution(run_id)])
    }

    fn lapse(&mut self, run_id: &str) {
        let life = self.lives.get_mut(run_id);
        if let Some(deadline) = life.and_then(|life| life.rows.deadline.as_mut()) {
            deadline.deadline_at = LAPSED_AT;
            deadline.check_at = LAPSED_AT;
        }
    }

    /// Inserts a queue item for a run, or moves the existing one.
    fn queue(&mut self, run_id: &str, available_at: Timestamp) {
        if let Some(life) = self.lives.get_mut(run_id) {
            life.rows.available_at = Some(available_at);
        }
    }
}

/// The timers of the children of a run that ends cancelled.
fn timer_of(run: &Run, finish: &Finish, now: Timestamp) -> Option<(String, Value)> {
    let reason = finish.detail.as_ref().map(|detail| &detail["reason"]);
    let completed_at = finish.completed_at.unwrap_or(now).to_rfc3339();
    let detail = json!({"reason": reason, "completedAt": completed_at});
    let is_cancelled = finish.transition == Transition::Canceled;
    is_cancelled.then(|| (run.id.as_str().to_owned(), detail))
}
