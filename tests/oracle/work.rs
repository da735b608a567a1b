//! The oracle's functions for workers with a run: beats and completions.

use std::collections::BTreeSet;

use engine_core::{
    Asked, AttemptStatus, Command, Completion, CompletionOf, ExecutionStatus, Plan, Refusal, RunId,
    RunStatus, SnapshotId, Timestamp, decide, turn_request,
};
use engine_harness::Held;
use serde_json::{Value, json};

use crate::call::element;
use crate::initial::environment;
use crate::life::Context;
use crate::oracle::Oracle;
use crate::repeat::{completed_before, signed};

impl Oracle {
    /// Moves the deadline of a run if the caller holds the watched snapshot.
    pub fn beat(&mut self, held: &Held, context: &Context<'_>) -> Result<Vec<Value>, Refusal> {
        self.find(&RunId::parse(&held.run_id))?;
        Ok(self.beat_many(std::slice::from_ref(held), context))
    }

    /// Beats for many runs; those that do not exist are returned with nulls.
    pub fn beat_many(&mut self, held: &[Held], context: &Context<'_>) -> Vec<Value> {
        for Held {
            run_id,
            snapshot_id,
        } in held
        {
            let life = self.lives.get_mut(run_id);
            match life.and_then(|life| life.rows.deadline.as_mut()) {
                Some(deadline) if deadline.snapshot_id == *snapshot_id => {
                    deadline.deadline_at = context.settings.now.plus_ms(deadline.interval_ms);
                }
                _ => {}
            }
        }
        let row = |Held { run_id, .. }: &Held| {
            let life = self.lives.get(run_id);
            let deadline = life.and_then(|life| life.rows.deadline.as_ref());
            let mut row = self.execution(run_id);
            row["heartbeat_ms"] = json!(deadline.map(|deadline| deadline.interval_ms));
            row
        };
        held.iter().map(row).collect()
    }

    /// Ends an attempt.
    pub fn complete(
        &mut self,
        held: &Held,
        completion: &Value,
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let element = CompletionOf {
            completion: Completion::parse(completion)?,
            run_id: RunId::parse(&held.run_id),
            snapshot_id: SnapshotId::parse(&held.snapshot_id),
        };
        Ok(vec![self.end(&element, &mut BTreeSet::new(), context)?])
    }

    /// Ends many attempts. One after the other is the same as all at once: a second element for a run is stale.
    pub fn complete_many(
        &mut self,
        ends: &[(Held, Value)],
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let elements = CompletionOf::many(ends.iter().map(element).collect(), 1000)?;
        let (mut rows, mut done) = (Vec::new(), BTreeSet::new());
        for element in elements {
            let run_id = element
                .as_ref()
                .ok()
                .map(|element| element.run_id.as_str().to_owned());
            let answer = element.and_then(|element| self.end(&element, &mut done, context));
            rows.push(answer.unwrap_or_else(|refusal| {
                json!({"run_id": run_id, "snapshot_id": null, "error_code": refusal.sqlstate(),
                       "error_message": refusal.message()})
            }));
        }
        Ok(rows)
    }

    /// A turn, or its answer if it has a name and was taken before.
    pub fn turn(
        &mut self,
        ends: &[(Held, Value)],
        (max_runs, environment_id): (i32, Option<&str>),
        turn_id: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let Some(turn_id) = turn_id else {
            return self.work(ends, max_runs, environment_id, context);
        };
        let elements: Vec<Value> = ends.iter().map(element).collect();
        let content = json!([max_runs, environment_id, elements]);
        match self.named_turn(turn_id, &content, context)? {
            Ok(answer) => Ok(answer),
            Err(turn) => {
                let answer = self.work(ends, max_runs, environment_id, context)?;
                self.remember(turn, &answer, context);
                Ok(answer)
            }
        }
    }

    /// Completions, then runs that start.
    fn work(
        &mut self,
        ends: &[(Held, Value)],
        max_runs: i32,
        environment_id: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let request = turn_request(max_runs, 0, 1000, !ends.is_empty())?;
        if let Some(id) = environment_id {
            environment(id)?;
        }
        let mut rows = self.complete_many(ends, context)?;
        for row in &mut rows {
            row["kind"] = json!("completed");
        }
        let claimed = match request {
            Some(request) => self.dequeue(request.max_runs, environment_id, context)?,
            None => Vec::new(),
        };
        let status = ExecutionStatus::Executing;
        for mut row in claimed {
            let text = |column: &str| row[column].as_str().unwrap_or_default().to_owned();
            let held = Held {
                run_id: text("run_id"),
                snapshot_id: text("snapshot_id"),
            };
            for started in self.start(&held, context)? {
                row["snapshot_id"] = started["snapshot_id"].clone();
            }
            row["kind"] = json!("started");
            row["execution_status"] = json!(status.as_str());
            row["run_status"] = json!(RunStatus::Executing.as_str());
            row["heartbeat_ms"] = json!(context.settings.heartbeats.interval_ms(status));
            rows.push(row);
        }
        Ok(rows)
    }

    /// Ends an attempt, unless that has been reported before. `done` are the runs of earlier elements.
    fn end(
        &mut self,
        element: &CompletionOf,
        done: &mut BTreeSet<RunId>,
        context: &Context<'_>,
    ) -> Result<Value, Refusal> {
        let life = self.find(&element.run_id)?;
        let (run, given) = (life.run(), element.snapshot_id.as_str());
        let before = life.answer(Asked::Completion, given, context);
        if let Some(next) = before.filter(|_| !done.contains(&run.id)) {
            return Ok(completed_before(&run, &next));
        }
        let command = Command::Complete {
            snapshot_id: &element.snapshot_id,
            completion: &element.completion,
        };
        let plan = signed(decide(&run, command, context.settings)?, context);
        done.insert(run.id.clone());
        let (attempt_status, retry_at) = match &plan {
            Plan::Move(moved) => (moved.attempt_status, moved.retry_at),
            _ => (Some(AttemptStatus::RunFinished), None),
        };
        self.apply(vec![(run, plan)], context);
        let mut row = self.execution(element.run_id.as_str());
        row["attempt_status"] = json!(attempt_status.map(AttemptStatus::as_str));
        row["retry_at"] = json!(retry_at.map(Timestamp::to_rfc3339));
        Ok(row)
    }
}
