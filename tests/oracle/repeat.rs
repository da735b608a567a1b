//! The oracle's answers to calls that are made again, and the calls with which a worker gives a run back or makes it wait.

use std::collections::BTreeMap;

use engine_core::{
    Asked, AttemptStatus, Command, ExecutionStatus, Held as Holds, NamedTurn, Next, Plan, Refusal,
    Release, Run, RunId, SnapshotId, Timestamp, Timing, Transition, Unblocking, Waiting, decide,
    unblock,
};
use engine_harness::Held;
use serde_json::{Value, json};

use crate::life::{Context, Life};
use crate::oracle::Oracle;

/// The last turn of a process.
#[derive(Debug)]
pub struct LastTurn {
    turn: NamedTurn,
    answer: Vec<Value>,
}

/// The last turns, by worker and process.
pub type Turns = BTreeMap<(String, String), LastTurn>;

impl Life {
    /// The snapshot that answers a call, if it was made before and the run has not moved on since.
    pub fn answer(&self, asked: Asked, snapshot_id: &str, context: &Context<'_>) -> Option<Next> {
        if self.rows.state.snapshot_id == snapshot_id {
            return None;
        }
        let mut next = self.next(snapshot_id, context)?;
        if next.cancels_before_start() {
            // The end of a run that was cancelled before its start follows the cancel.
            next = self.next(next.snapshot_id.as_str(), context)?;
        }
        next.answers(asked, &self.run()).then_some(next)
    }

    /// Whether it was cancelled after the dequeue with this snapshot, and nothing else has happened since.
    pub fn was_cancelled_after(&self, snapshot_id: &str, context: &Context<'_>) -> bool {
        let latest = &self.rows.state.snapshot_id;
        self.next(snapshot_id, context)
            .is_some_and(|next| next.cancels_before_start() && next.snapshot_id.as_str() == latest)
    }

    fn release(&self) -> Release {
        let last = self.rows.snapshots.iter().rev().find(|last| last.is_valid);
        Release {
            timing: self.timing(),
            is_between_attempts: last.is_some_and(|last| last.transition == Transition::Retried),
        }
    }

    pub(crate) fn timing(&self) -> Timing {
        Timing {
            delay_until: None,
            queue_timestamp: self.new.available_at.plus_ms(self.new.priority_ms),
            priority_ms: self.new.priority_ms,
            ttl: None,
            is_sized: false,
        }
    }
}

impl Oracle {
    /// Requeues a run that its worker gives back.
    pub fn release(&mut self, held: &Held, context: &Context<'_>) -> Result<Vec<Value>, Refusal> {
        let life = self.find(&RunId::parse(&held.run_id))?;
        let asked = Asked::Release;
        if life.answer(asked, &held.snapshot_id, context).is_none() {
            let (run, release) = (life.run(), &life.release());
            let snapshot_id = &SnapshotId::parse(&held.snapshot_id);
            let command = Command::Release {
                snapshot_id,
                release,
            };
            let plan = signed(decide(&run, command, context.settings)?, context);
            self.apply(vec![(run, plan)], context);
        }
        Ok(vec![self.execution(&held.run_id)])
    }

    /// Makes a run wait for one more token.
    pub fn block(&mut self, held: &Held, context: &Context<'_>) -> Result<Vec<Value>, Refusal> {
        let life = self.find(&RunId::parse(&held.run_id))?;
        let run = life.run();
        let waits = run.execution_status == ExecutionStatus::ExecutingWithWaitpoints;
        let latest = life.rows.snapshots.iter().rev().find(|last| last.is_valid);
        let before_wait = latest
            .filter(|_| waits)
            .and_then(|latest| latest.previous_id.as_deref())
            .map(SnapshotId::parse);
        let holds = Holds {
            snapshot_id: &SnapshotId::parse(&held.snapshot_id),
            before_wait: before_wait.as_ref(),
        };
        let command = Command::Block {
            batch_id: None,
            held: Some(holds),
        };
        let plan = decide(&run, command, context.settings)?;
        self.apply(vec![(run, plan)], context);
        let mut row = self.execution(&held.run_id);
        row["pending_count"] = json!(1);
        Ok(vec![row])
    }

    /// Completes all tokens of a run that waits.
    pub fn unblock(&mut self, run_id: &str, context: &Context<'_>) -> Result<(), Refusal> {
        let life = self.find(&RunId::parse(run_id))?;
        let run = life.run();
        let waiting = Waiting {
            blockers: Vec::new(),
            has_checkpoint: false,
            position: life.timing().available_at(),
        };
        if let Unblocking::Unblocked(moved) = unblock(&run, &waiting)? {
            self.apply(vec![(run, Plan::Move(moved))], context);
        }
        Ok(())
    }

    /// The worker's turn with a name, or its answer if it was taken before. `content` is what the worker reports and asks
    /// for.
    pub fn named_turn(
        &self,
        turn_id: &str,
        content: &Value,
        context: &Context<'_>,
    ) -> Result<Result<Vec<Value>, NamedTurn>, Refusal> {
        let by = by(context);
        let turn = NamedTurn::new(turn_id, by.is_some(), content)?;
        match by.and_then(|by| self.turns.get(&by)) {
            Some(last) if turn.is_again(&last.turn.id, last.turn.digest == turn.digest)? => {
                Ok(Ok(last.answer.clone()))
            }
            _ => Ok(Err(turn)),
        }
    }

    /// Remembers the answer to a turn, unless it was empty.
    pub fn remember(&mut self, turn: NamedTurn, answer: &[Value], context: &Context<'_>) {
        if let Some(by) = by(context).filter(|_| !answer.is_empty()) {
            let answer = answer.to_vec();
            self.turns.insert(by, LastTurn { turn, answer });
        }
    }
}

/// The caller, if it gives both of its ids.
fn by(context: &Context<'_>) -> Option<(String, String)> {
    let (worker_id, runner_id) = (context.worker_id?, context.runner_id?);
    Some((worker_id.to_owned(), runner_id.to_owned()))
}

/// The plan with a record of its worker, where the snapshot of a run that leaves it has none.
pub fn signed(mut plan: Plan, context: &Context<'_>) -> Plan {
    if let (Plan::Move(moved), Some((worker_id, runner_id))) = (&mut plan, by(context))
        && !moved.is_callers
    {
        let detail = moved.detail.get_or_insert_with(|| json!({}));
        detail["workerId"] = json!(worker_id);
        detail["runnerId"] = json!(runner_id);
    }
    plan
}

/// The row of a completion that an earlier call wrote.
pub fn completed_before(run: &Run, next: &Next) -> Value {
    let attempt_status = match next.execution_status {
        ExecutionStatus::Finished => AttemptStatus::RunFinished,
        ExecutionStatus::Executing => AttemptStatus::RetryImmediately,
        _ => AttemptStatus::RetryQueued,
    };
    let mut row = row_of(run, next);
    row["attempt_status"] = json!(attempt_status.as_str());
    row["retry_at"] = json!(next.retry_at.map(Timestamp::to_rfc3339));
    row
}

/// The row of a call that an earlier one answers.
pub fn row_of(run: &Run, next: &Next) -> Value {
    json!({
        "run_id": run.id.as_str(),
        "snapshot_id": next.snapshot_id.as_str(),
        "execution_status": next.execution_status.as_str(),
        "run_status": next.run_status.as_str(),
        "attempt_number": next.attempt_number,
    })
}
